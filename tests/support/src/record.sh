# shellcheck shell=sh
# Sourced by every recording script: writes down what the script was called with, then leaves it to go on.
# In: the script's own process. Out: $record, a directory with one file per fact; complete once it has its final name,
# so that calls that run at the same time and a test that looks in between do not meet half a record.
# /proc/$$ and not the shell's own view: a shell adds PWD, OLDPWD, _ and SHLVL to the environment it was given.
record=/run/records/$(date +%s%N)-$$
mkdir "$record.part"
# In a sub-shell: dash redirects in its own process even for a command that it forks, and blocks every signal while it
# starts one; both would show up in what is read here about $$.
(
    cp "/proc/$$/cmdline" "/proc/$$/environ" "/proc/$$/status" "/proc/$$/stat" "$record.part"
    readlink "/proc/$$/cwd" > "$record.part/cwd"
    find "/proc/$$/fd" -type l -printf '%f %l\n' > "$record.part/descriptors"
)
cat > "$record.part/stdin"
mv "$record.part" "$record"
