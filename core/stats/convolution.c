#include "stats/convolution.h"

#include "base/memory.h"

#include <math.h>

/* Up to so many products are summed up one by one. */
static const double most_products = 1 << 24;

typedef struct complex_number {
    double re, im;
} complex_number;

static complex_number times(complex_number a, complex_number b) {
    return (complex_number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static void add_products(const double *values, size_t value_count, const double *kernel,
                         size_t kernel_count, double *sum, size_t count) {
    for (size_t j = 0; j < value_count && j < count; j++) {
        size_t most = count - j < kernel_count ? count - j : kernel_count;
        for (size_t k = 0; values[j] != 0 && k < most; k++)
            sum[j + k] += values[j] * kernel[k];
    }
}

/* Puts each place where its bits, read backwards, say. */
static void reorder(complex_number *list, size_t size) {
    for (size_t i = 1, j = 0; i < size; i++) {
        size_t bit = size >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j) {
            complex_number held = list[i];
            list[i] = list[j];
            list[j] = held;
        }
    }
}

/* The transform of a list whose size is a power of two; roots[k] = e^(-2 pi i k / size), k < size / 2. */
static void transform(complex_number *list, size_t size, const complex_number *roots) {
    reorder(list, size);
    for (size_t half = 1; half < size; half *= 2)
        for (size_t begin = 0; begin < size; begin += 2 * half)
            for (size_t k = 0; k < half; k++) {
                complex_number *a = &list[begin + k], *b = &list[begin + k + half];
                complex_number turned = times(*b, roots[k * (size / 2 / half)]);
                *b = (complex_number){a->re - turned.re, a->im - turned.im};
                *a = (complex_number){a->re + turned.re, a->im + turned.im};
            }
}

/* The two lists' transforms, of z = values + i kernel: their product is (Z(f)^2 - Z(-f)*^2) / 4i. */
static void multiply(complex_number *list, size_t size) {
    for (size_t f = 0; f <= size / 2; f++) {
        complex_number here = list[f], there = list[(size - f) % size];
        there.im = -there.im;
        complex_number a = times(here, here), b = times(there, there);
        complex_number product = {(a.im - b.im) / 4, -(a.re - b.re) / 4};
        /* The inverse is the transform of the conjugate. */
        list[f] = (complex_number){product.re, -product.im};
        list[(size - f) % size] = product;
    }
}

static int add_transformed(const double *values, size_t value_count, const double *kernel,
                           size_t kernel_count, double *sum, size_t count) {
    size_t size = 2, wanted = value_count + kernel_count - 1;
    while (size < wanted)
        size *= 2;
    complex_number *list = mt_allocate_zero(size + size / 2, sizeof *list);
    if (!list)
        return -1;
    complex_number *roots = list + size;
    for (size_t k = 0; k < size / 2; k++) {
        double angle = -2 * M_PI * (double)k / (double)size;
        roots[k] = (complex_number){cos(angle), sin(angle)};
    }
    for (size_t i = 0; i < value_count; i++)
        list[i].re = values[i];
    for (size_t i = 0; i < kernel_count; i++)
        list[i].im = kernel[i];
    transform(list, size, roots);
    multiply(list, size);
    transform(list, size, roots);
    for (size_t i = 0; i < count && i < wanted; i++)
        sum[i] += list[i].re / (double)size;
    mt_free(list);
    return 0;
}

int mt_convolve(const double *values, size_t value_count, const double *kernel, size_t kernel_count,
                double *sum, size_t count) {
    value_count = value_count < count ? value_count : count;
    kernel_count = kernel_count < count ? kernel_count : count;
    if (value_count == 0 || kernel_count == 0)
        return 0;
    if ((double)value_count * (double)kernel_count > most_products)
        return add_transformed(values, value_count, kernel, kernel_count, sum, count);
    add_products(values, value_count, kernel, kernel_count, sum, count);
    return 0;
}
