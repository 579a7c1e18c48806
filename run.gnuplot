set encoding utf8
set terminal pngcairo noenhanced size 1600,1680 font 'sans,11' background rgb 'white'
set output 'run.png'
set multiplot layout 4,2
$figure1_1 << EOD
0.019145986 26.1151345
EOD
$figure1_2 << EOD
0.019145986 26.1151345
EOD
$figure1_3 << EOD
0.019145986 26.1151345
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Requests offered, sent and completed' noenhanced
set xlabel 'Time since the start (s)' noenhanced
set ylabel 'Rate (requests/s)' noenhanced
set yrange [0:*]
plot $figure1_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'offered' noenhanced, \
     $figure1_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'sent' noenhanced, \
     $figure1_3 using 1:2 with points pt 7 ps 0.7 lc rgb '#009e73' title 'completed' noenhanced
$figure2_1 << EOD
0.019145986 9.149666
EOD
$figure2_2 << EOD
0.019145986 9.149666
EOD
$figure2_3 << EOD
0.019145986 13.237072
EOD
$figure2_4 << EOD
0.019145986 13.237072
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Time to first token, by when the request was due' noenhanced
set xlabel 'Time since the start (s)' noenhanced
set ylabel 'Time to first token (ms)' noenhanced
set yrange [0:*]
plot $figure2_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'from sent, p50' noenhanced, \
     $figure2_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'from sent, p99' noenhanced, \
     $figure2_3 using 1:2 with points pt 7 ps 0.7 lc rgb '#009e73' dt 2 title 'from due, p50' noenhanced, \
     $figure2_4 using 1:2 with points pt 7 ps 0.7 lc rgb '#cc79a7' dt 2 title 'from due, p99' noenhanced
$figure3_1 << EOD
0.019145986 1.31867895
EOD
$figure3_2 << EOD
0.019145986 1.31867895
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Inter-token latency, by when the request was due' noenhanced
set xlabel 'Time since the start (s)' noenhanced
set ylabel 'Inter-token latency (ms)' noenhanced
set yrange [0:*]
plot $figure3_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'p50' noenhanced, \
     $figure3_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'p99' noenhanced
$figure4_1 << EOD
0.019145986 34.204566
EOD
$figure4_2 << EOD
0.019145986 34.204566
EOD
$figure4_3 << EOD
0.019145986 38.291972
EOD
$figure4_4 << EOD
0.019145986 38.291972
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Request latency, by when the request was due' noenhanced
set xlabel 'Time since the start (s)' noenhanced
set ylabel 'Request latency (ms)' noenhanced
set yrange [0:*]
plot $figure4_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'from sent, p50' noenhanced, \
     $figure4_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'from sent, p99' noenhanced, \
     $figure4_3 using 1:2 with points pt 7 ps 0.7 lc rgb '#009e73' dt 2 title 'from due, p50' noenhanced, \
     $figure4_4 using 1:2 with points pt 7 ps 0.7 lc rgb '#cc79a7' dt 2 title 'from due, p99' noenhanced
$figure5_1 << EOD
0.004087406 1
0.038291972 0
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Requests in flight' noenhanced
set xlabel 'Time since the start (s)' noenhanced
set ylabel 'In flight (requests)' noenhanced
set yrange [0:*]
plot $figure5_1 using 1:2 with steps lc rgb '#0072b2' lw 1.5 title 'in flight' noenhanced
$figure6_1 << EOD
0.019145986 4.109529
EOD
$figure6_2 << EOD
0.019145986 4.109529
EOD
$figure6_3 << EOD
0.019145986 4.109529
EOD
$figure6_4 << EOD
0.019145986 0.027731
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'How late the driver was: sending after the due time, reading after arrival' noenhanced
set xlabel 'Time since the start (s)' noenhanced
set ylabel 'Lag (ms)' noenhanced
set yrange [0:*]
plot $figure6_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'sending, p50' noenhanced, \
     $figure6_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'sending, p99' noenhanced, \
     $figure6_3 using 1:2 with points pt 7 ps 0.7 lc rgb '#009e73' title 'sending, largest' noenhanced, \
     $figure6_4 using 1:2 with points pt 7 ps 0.7 lc rgb '#cc79a7' title 'reading, p99' noenhanced
$figure7_1 << EOD
9.149666 1
EOD
$figure7_2 << EOD
13.237072 1
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Time to first token' noenhanced
set xlabel 'Time to first token (ms)' noenhanced
set logscale x
set ylabel 'Share that is not above' noenhanced
set yrange [0:1]
set grid mxtics mytics
plot $figure7_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'from sent' noenhanced, \
     $figure7_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'from due' noenhanced
$figure8_1 << EOD
34.204566 1
EOD
$figure8_2 << EOD
38.291972 1
EOD
reset
set grid lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside bottom center horizontal noenhanced
set title 'Request latency' noenhanced
set xlabel 'Request latency (ms)' noenhanced
set logscale x
set ylabel 'Share that is not above' noenhanced
set yrange [0:1]
set grid mxtics mytics
plot $figure8_1 using 1:2 with points pt 7 ps 0.7 lc rgb '#0072b2' title 'from sent' noenhanced, \
     $figure8_2 using 1:2 with points pt 7 ps 0.7 lc rgb '#d55e00' title 'from due' noenhanced
unset multiplot
set output
