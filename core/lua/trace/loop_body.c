#include "lua/trace/loop_body.h"

#include "lua/trace/trace_binding.h"

#include <string.h>

/* ---- a dumped function ---- */

/* Beyond its end a chunk reads as zeros and is bad. */
typedef struct chunk {
    const unsigned char *at, *end;
    int is_bad;
} chunk;

static const unsigned char *take(chunk *c, size_t bytes) {
    static const unsigned char zeros[8];
    if (c->is_bad || (size_t)(c->end - c->at) < bytes) {
        c->is_bad = 1;
        return zeros;
    }
    c->at += bytes;
    return c->at - bytes;
}

static unsigned take_byte(chunk *c) {
    return *take(c, 1);
}

/* Seven bits a byte, the highest first; the last byte has its top bit set. */
static size_t take_size(chunk *c) {
    size_t size = 0;
    while (!c->is_bad) {
        unsigned byte = take_byte(c);
        if (size > SIZE_MAX >> 8)
            c->is_bad = 1;
        size = size << 7 | (byte & 0x7f);
        if (byte & 0x80)
            return size;
    }
    return 0;
}

static void skip(chunk *c, size_t count, size_t each) {
    if (count > (size_t)(c->end - c->at) / each)
        c->is_bad = 1;
    else
        take(c, count * each);
}

/* 0 is no text, else its length + 1. */
static mt_span take_text(chunk *c) {
    size_t size = take_size(c);
    mt_span text = {NULL, size > 0 ? size - 1 : 0};
    text.text = (const char *)c->at;
    skip(c, text.length, 1);
    return text;
}

enum {
    NIL = 0x00,
    FALSE = 0x01,
    TRUE = 0x11,
    INTEGER = 0x03,
    FLOAT = 0x13,
    SHORT_TEXT = 0x04,
    LONG_TEXT = 0x14
};

/* A constant; its text, where it is one. */
static mt_span take_constant(chunk *c) {
    mt_span none = {NULL, 0};
    switch (take_byte(c)) {
    case SHORT_TEXT:
    case LONG_TEXT:
        return take_text(c);
    case INTEGER:
        take(c, sizeof(lua_Integer));
        return none;
    case FLOAT:
        take(c, sizeof(lua_Number));
        return none;
    case NIL:
    case FALSE:
    case TRUE:
        return none;
    default:
        c->is_bad = 1;
        return none;
    }
}

enum { INSTRUCTION = 4, UPVALUE = 3 /* bytes: is it in the stack, its index, its kind */ };

/* One function of the chunk. */
typedef struct function {
    size_t first_line;
    const unsigned char *code;
    size_t length;   /* instructions */
    chunk constants; /* from the first on */
    size_t constant_count;
    const unsigned char *upvalues;
    size_t upvalue_count;
    chunk inner; /* functions, from the first on */
    size_t inner_count;
    const signed char *lines; /* of each instruction, from the one before */
    size_t line_count;
    chunk
        absolute; /* pairs of an instruction and its line, where that is too far from the one before */
    size_t absolute_count;
} function;

static function take_function(chunk *c, int depth);

static void skip_functions(chunk *c, size_t count, int depth) {
    enum { DEEPEST = 200 }; /* Lua's own limit of nested functions */
    if (depth > DEEPEST)
        c->is_bad = 1;
    for (size_t i = 0; i < count && !c->is_bad; i++)
        take_function(c, depth + 1);
}

static function take_function(chunk *c, int depth) {
    function f = {0};
    take_text(c); /* its source */
    f.first_line = take_size(c);
    take_size(c); /* the last line */
    take(c, 3);   /* parameters, are there more, stack */
    f.length = take_size(c);
    f.code = c->at;
    skip(c, f.length, INSTRUCTION);
    f.constant_count = take_size(c);
    f.constants = *c;
    for (size_t i = 0; i < f.constant_count && !c->is_bad; i++)
        take_constant(c);
    f.upvalue_count = take_size(c);
    f.upvalues = c->at;
    skip(c, f.upvalue_count, UPVALUE);
    f.inner_count = take_size(c);
    f.inner = *c;
    skip_functions(c, f.inner_count, depth);
    f.line_count = take_size(c);
    f.lines = (const signed char *)c->at;
    skip(c, f.line_count, 1);
    f.absolute_count = take_size(c);
    f.absolute = *c;
    for (size_t i = 0; i < f.absolute_count && !c->is_bad; i++) {
        take_size(c);
        take_size(c);
    }
    size_t locals = take_size(c);
    for (size_t i = 0; i < locals && !c->is_bad; i++) {
        take_text(c);
        take_size(c);
        take_size(c);
    }
    size_t names = take_size(c);
    for (size_t i = 0; i < names && !c->is_bad; i++)
        take_text(c);
    return f;
}

/* What every chunk of this Lua begins with: version, sizes and two known numbers. The function is read only where
 * they are those that we know. */
static int take_header(chunk *c) {
    static const unsigned char begin[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n";
    lua_Integer integer;
    lua_Number number;
    if (memcmp(take(c, 8), begin, 8) != 0 || memcmp(take(c, 4), begin + 8, 4) != 0)
        return 0;
    if (take_byte(c) != INSTRUCTION || take_byte(c) != sizeof integer ||
        take_byte(c) != sizeof number)
        return 0;
    memcpy(&integer, take(c, sizeof integer), sizeof integer);
    memcpy(&number, take(c, sizeof number), sizeof number);
    if (integer != 0x5678 || number != 370.5)
        return 0;
    take_byte(c); /* upvalues */
    return !c->is_bad;
}

static mt_span constant_at(const function *f, size_t index) {
    chunk c = f->constants;
    mt_span text = {NULL, 0};
    for (size_t i = 0; i <= index && i < f->constant_count; i++)
        text = take_constant(&c);
    return index < f->constant_count ? text : (mt_span){NULL, 0};
}

static size_t line_at(const function *f, size_t place) {
    enum { IS_ABSOLUTE = -0x80 };
    chunk absolute = f->absolute;
    size_t line = f->first_line;
    for (size_t i = 0; i <= place; i++) {
        if (f->lines[i] != IS_ABSOLUTE) {
            line += (size_t)(ptrdiff_t)f->lines[i];
            continue;
        }
        take_size(&absolute);
        line = take_size(&absolute);
    }
    return line;
}

/* ---- instructions ---- */

/* Those by name of Lua 5.4 (lopcodes.h); of the others only the table below tells something. */
enum {
    GETFIELD = 14,
    SELF = 20,
    CALL = 68,
    TAILCALL = 69,
    RETURN = 70,
    TFORPREP = 75,
    TFORCALL = 76,
    CLOSURE = 79,
    OPCODES = 83
};

/* Which of an instruction's arguments are registers: in A, B, C; in C unless its flag k says that it is a constant;
 * and A with those that follow it. */
enum { A = 1, B = 2, C = 4, CK = 8, ON = 16 };

static const unsigned char registers_of[OPCODES] = {
    /* MOVE LOADI LOADF LOADK LOADKX LOADFALSE LFALSESKIP LOADTRUE LOADNIL GETUPVAL SETUPVAL GETTABUP */
    A | B, A, A, A, A, A, A, A, A | ON, A, A, A,
    /* GETTABLE GETI GETFIELD SETTABUP SETTABLE SETI SETFIELD NEWTABLE SELF */
    A | B | C, A | B, A | B, CK, A | B | CK, A | CK, A | CK, A, A | B | CK,
    /* ADDI, ADDK to IDIVK, BANDK BORK BXORK, SHRI SHLI */
    A | B, A | B, A | B, A | B, A | B, A | B, A | B, A | B, A | B, A | B, A | B, A | B, A | B,
    /* ADD SUB MUL MOD POW DIV IDIV BAND BOR BXOR SHL SHR */
    A | B | C, A | B | C, A | B | C, A | B | C, A | B | C, A | B | C, A | B | C, A | B | C,
    A | B | C, A | B | C, A | B | C, A | B | C,
    /* MMBIN MMBINI MMBINK UNM BNOT NOT LEN CONCAT CLOSE TBC JMP */
    A | B, A, A, A | B, A | B, A | B, A | B, A | ON, 0, A, 0,
    /* EQ LT LE EQK EQI LTI LEI GTI GEI TEST TESTSET */
    A | B, A | B, A | B, A, A, A, A, A, A, A, A | B,
    /* CALL TAILCALL RETURN RETURN0 RETURN1 FORLOOP FORPREP TFORPREP TFORCALL TFORLOOP SETLIST */
    A | ON, A | ON, A | ON, 0, A, A | ON, A | ON, A | ON, A | ON, A | ON, A | ON,
    /* CLOSURE VARARG VARARGPREP EXTRAARG */
    A, A | ON, A | ON, 0};

typedef struct instruction {
    unsigned code, a, b, c, k, bx;
} instruction;

static instruction instruction_at(const function *f, size_t place) {
    uint32_t bits;
    memcpy(&bits, f->code + place * INSTRUCTION, sizeof bits);
    return (instruction){bits & 0x7f, bits >> 7 & 0xff, bits >> 16 & 0xff,
                         bits >> 24,  bits >> 15 & 1,   bits >> 15};
}

/* Does an inner function have the register as an upvalue? What cannot be read may. */
static int captures(const function *f, size_t index, unsigned at) {
    chunk c = f->inner;
    function inner = {0};
    for (size_t i = 0; i <= index; i++)
        inner = take_function(&c, 1);
    for (size_t i = 0; i < inner.upvalue_count && !c.is_bad; i++)
        if (inner.upvalues[i * UPVALUE] && inner.upvalues[i * UPVALUE + 1] == at)
            return 1;
    return c.is_bad || index >= f->inner_count;
}

/* May the instruction read or set the register other than by reading a member by name? */
static int touches(const function *f, instruction one, unsigned at) {
    unsigned registers = one.code < OPCODES ? registers_of[one.code] : A | ON;
    if (one.code == CLOSURE && captures(f, one.bx, at))
        return 1;
    if (one.code == RETURN && one.b > 0)
        return one.a <= at && at + 1 < one.a + one.b;
    if (registers & ON)
        return one.a <= at;
    return ((registers & A) && one.a == at) ||
           ((registers & B) && one.b == at && one.code != GETFIELD) ||
           ((registers & C) && one.c == at) || ((registers & CK) && !one.k && one.c == at) ||
           (one.code == SELF && one.a + 1 == at);
}

/* Where the one method call of that name on the line is whose value goes at once into a `for`: the place of TFORPREP;
 * 0: there is none, or there are more such calls, in one of which we may be. */
static size_t find_loop(const function *f, const char *method, size_t line) {
    size_t found = 0, calls = 0, name = 0;
    for (chunk c = f->constants; name < f->constant_count; name++) {
        mt_span text = take_constant(&c);
        if (text.text && text.length == strlen(method) &&
            memcmp(text.text, method, text.length) == 0)
            break;
    }
    for (size_t i = 0; i < f->length; i++) {
        instruction self = instruction_at(f, i);
        if (self.code != SELF || !self.k || self.c != name)
            continue;
        size_t at = i + 1;
        instruction call = instruction_at(f, i);
        for (; at < f->length; at++) {
            call = instruction_at(f, at);
            if ((call.code == CALL || call.code == TAILCALL) && call.a == self.a)
                break;
        }
        if (at >= f->length || line_at(f, at) != line)
            continue;
        calls++;
        if (call.code != CALL || at + 1 >= f->length)
            continue;
        instruction prepare = instruction_at(f, at + 1);
        if (prepare.code == TFORPREP && prepare.a == call.a)
            found = at + 1;
    }
    return calls == 1 ? found : 0;
}

/* The members that the body of the loop prepared at `place` reads, -1 where it may do more. */
static long reads_of(const function *f, size_t place) {
    enum {
        BEFORE_VARIABLES = 4
    }; /* what a generic `for` keeps: function, state, control, what to close */
    instruction prepare = instruction_at(f, place);
    unsigned variable = prepare.a + BEFORE_VARIABLES;
    size_t end = place + 1 + prepare.bx;
    long reads = 0;
    if (end >= f->length || instruction_at(f, end).code != TFORCALL)
        return -1;
    for (size_t i = place + 1; i < end; i++) {
        instruction one = instruction_at(f, i);
        if (touches(f, one, variable))
            return -1;
        if (one.code == GETFIELD && one.b == variable)
            reads |= mt_lua_fields_named(constant_at(f, one.c));
    }
    return reads;
}

static long reads_in(const void *dumped, size_t bytes, const char *method, size_t line) {
    chunk c = {dumped, (const unsigned char *)dumped + bytes, 0};
    if (!take_header(&c))
        return -1;
    function f = take_function(&c, 0);
    if (c.is_bad || f.line_count != f.length) /* it was compiled without lines */
        return -1;
    size_t place = find_loop(&f, method, line);
    return place > 0 ? reads_of(&f, place) : -1;
}

/* ---- the calling function ---- */

static int count_bytes(lua_State *L, const void *bytes, size_t count, void *total) {
    (void)L;
    (void)bytes;
    *(size_t *)total += count;
    return 0;
}

static int copy_bytes(lua_State *L, const void *bytes, size_t count, void *to) {
    (void)L;
    unsigned char **place = to;
    memcpy(*place, bytes, count);
    *place += count;
    return 0;
}

long mt_lua_loop_reads(lua_State *L) {
    enum { METHOD = 1 };
    lua_Debug called, caller;
    int level = METHOD;
    if (LUA_VERSION_NUM != 504 || !lua_getstack(L, level + 1, &called))
        return -1;
    lua_getinfo(L, "f", &called);
    level += mt_lua_is_located(L, -1); /* then it is what the loop has called */
    lua_pop(L, 1);
    /* What a function has called last, in its own place, has no name. */
    if (!lua_getstack(L, level, &called) || !lua_getinfo(L, "n", &called) ||
        strcmp(called.namewhat, "method") != 0 || !lua_getstack(L, level + 1, &caller))
        return -1;
    lua_getinfo(L, "lf", &caller);
    size_t bytes = 0;
    if (lua_iscfunction(L, -1) || caller.currentline <= 0 ||
        lua_dump(L, count_bytes, &bytes, 0) != 0) {
        lua_pop(L, 1);
        return -1;
    }
    unsigned char *dumped = lua_newuserdatauv(L, bytes, 0), *end = dumped;
    lua_insert(L, -2);
    lua_dump(L, copy_bytes, &end, 0);
    long reads = reads_in(dumped, bytes, called.name, (size_t)caller.currentline);
    lua_pop(L, 2);
    return reads;
}
