# shellcheck shell=sh
# Sourced by every recording script: records what the script was called with, then returns to it. In: the script's own
# process. Out: $record, a directory with one file per fact. It is complete once it has its final name, so that neither
# concurrent calls nor a test see half a record.
# Reads /proc/$$, because a shell adds PWD, OLDPWD, _ and SHLVL to the environment that it was given.
record=/run/records/$(date +%s%N)-$$
mkdir "$record.part"
# In a subshell: dash redirects in its own process even for a command that it forks, and blocks every signal while it starts
# one; both would be visible in /proc/$$.
(
    cp "/proc/$$/cmdline" "/proc/$$/environ" "/proc/$$/status" "/proc/$$/stat" "$record.part"
    readlink "/proc/$$/cwd" > "$record.part/cwd"
    find "/proc/$$/fd" -type l -printf '%f %l\n' > "$record.part/descriptors"
)
cat > "$record.part/stdin"
mv "$record.part" "$record"
