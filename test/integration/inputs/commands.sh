# Pipelines of everyday commands; every result is printed, as it is or as a checksum.
awk 'BEGIN { for (i = 1; i <= 60000; i++) { x = (x * 69069 + i) % 4294967296; printf "%.0f %s%d field%d\n", x, "name", x % 5000, i } }' > rows
sha256sum < rows
sort --parallel=4 --buffer-size=3M -k2,2 -k1,1n rows | sha256sum
sort --parallel=4 -n -r rows | head -n 5
sort -u -k2,2 rows | wc -l
awk '{ count[$2]++; last[$2] = last[$2] substr($3, 6) "," } END { for (n in count) print n, count[n], length(last[n]) }' rows | sort | sha256sum
sed -n -E 's/^([0-9]+) (name([0-9]*7)) (.*)$/\4:\3:\1/p' rows | sha256sum
grep -E -c '(name1|name2).*field[0-9]*(77|88)$' rows
join -1 2 -2 1 <(head -n 3000 rows | sort -k2,2) <(seq 900 | sed 's/.*/name& extra&/' | sort) 2>&1 | sha256sum
comm -12 <(cut -d' ' -f2 rows | sort -u) <(seq -f 'name%g' 0 3 4999 | sort) | wc -l

xz -T2 --block-size=1MiB -3 -k rows && xz -dc -T2 rows.xz | cmp - rows && sha256sum < rows.xz
gzip -n -9 < rows | tee rows.gz | gzip -dc | cmp - rows && sha256sum < rows.gz
split -n l/7 rows part. && cat part.* | cmp - rows
mkdir -p tree/{a,b,c}/{d,e} && cp part.* tree/a/d && cp rows.xz tree/c/e
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf tree.tar tree && sha256sum < tree.tar
mkdir out && tar -xf tree.tar -C out && diff -r tree out/tree && find out -type f -newermt @-1 | sort
diff <(head -n 5000 rows) <(head -n 5000 rows | sed 's/name1/NAME1/; 40d') | sha256sum
tr 'a-z' 'n-za-m' < rows | fold -w 37 | nl | tac | rev | paste - - - | od -c | tail -n 3

# The shell itself: arrays, associative arrays, expansions, functions, subshells, coprocesses, traps.
declare -A table=()
declare -a list=()
for i in {1..20000}; do table[key$((i % 700))]+=$i; list+=("$i${list[i / 2]:-}"); done
printf '%s\n' "${#table[@]}" "${table[key33]}" "${#list[@]}" "${list[9999]}"
text=$(printf 'word%d ' {1..3000})
printf '%s\n' "${#text}" "${text//word/w}" | sha256sum
f() { local n=$1; if ((n > 0)); then f $((n - 1)); else printf 'bottom\n'; fi; }
f 500
coproc { while read -r line; do echo "<$line>"; done; }
for i in 1 2 3; do echo "$i" >&"${COPROC[1]}"; read -r answer <&"${COPROC[0]}"; echo "$answer"; done
exec {COPROC[1]}>&-
for i in {1..100}; do (trap "echo $i" EXIT; exit 0); done | sha256sum
for i in {1..8}; do (seq "$i" 30000 | md5sum > "job$i") & done; wait
cat job*

printf 'all: %s\n\t@echo done\n%%.out:\n\t@echo $@ | md5sum > $@\n' "$(printf '%d.out ' {1..60})" > Makefile
make -s -j4 && cat ./*.out | sha256sum
printf 'set(l "")\nforeach(i RANGE 20000)\n list(APPEND l x${i})\nendforeach()\nlist(LENGTH l n)\nstring(REGEX REPLACE "x([0-9])" "<\\\\1>" o "${l}")\nstring(SHA256 h "${o}")\nmessage(STATUS "${n} ${h}")\n' > list.cmake
cmake -P list.cmake
