# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hookmux_global_optspecs
    string join \n v/verbose json h/help V/version
end

function __fish_hookmux_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hookmux_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hookmux_using_subcommand
    set -l cmd (__fish_hookmux_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hookmux -n "__fish_hookmux_needs_command" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_needs_command" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_needs_command" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_needs_command" -s V -l version -d 'Print version'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "list" -d 'Show every script, in order, and which are not run and why'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "explain" -d 'Show what would run for a call, in order, under which rules, and whether libvirt itself runs it'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "run" -d 'Make a call by hand and show each step'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "check" -d 'Find problems with hooks, scripts and settings, and print how to fix each'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "edit" -d 'Edit a settings file, and check it before it takes effect'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "install" -d 'Become libvirt\'s hook: link hookmux where libvirt looks for one'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "uninstall" -d 'Remove the hooks, and restore those that were there before'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "adopt" -d 'Move scripts from libvirt\'s own directory into hookmux\'s'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "diff" -d 'Show the differences between two XML documents, as the log shows them for a filter'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "query" -d 'Print what paths select in the XML document on standard input'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "examples" -d 'List the example scripts, with the commands that copy them'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "history" -d 'Show past calls, with a bar for each script\'s time'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "stats" -d 'Count past calls, for monitoring'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "status" -d 'Show what is installed, what failed last, and which calls run now'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "contract" -d 'Print what libvirt does around each call'
complete -c hookmux -n "__fish_hookmux_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hookmux -n "__fish_hookmux_using_subcommand list" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand list" -l sums -d 'Print the SHA-256 of each file that decides what runs, as sha256sum -c reads it'
complete -c hookmux -n "__fish_hookmux_using_subcommand list" -l force -d 'Accept unknown drivers and operations, for a libvirt newer than this program'
complete -c hookmux -n "__fish_hookmux_using_subcommand list" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand list" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hookmux -n "__fish_hookmux_using_subcommand explain" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand explain" -l xml -d 'The XML that rules look at' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand explain" -l force -d 'Accept unknown drivers and operations, for a libvirt newer than this program'
complete -c hookmux -n "__fish_hookmux_using_subcommand explain" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand explain" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l xml -d 'The XML that scripts read; by default that of libvirt, or else a small generated one' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -s o -l output -d 'Write the filtered XML to this file, which only its owner can read' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l force -d 'Accept unknown drivers and operations, for a libvirt newer than this program'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l background -d 'Start the background scripts, too, and wait for them'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l yes -d 'Do not ask before a call that a running guest does not expect'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l dry-run -d 'Start nothing, and print what would be started'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hookmux -n "__fish_hookmux_using_subcommand check" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand check" -l strict -d 'Exit with 1 for warnings and notes, too'
complete -c hookmux -n "__fish_hookmux_using_subcommand check" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand check" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand check" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand edit" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand edit" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand edit" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand edit" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l drivers -d 'The drivers as one argument, for scripts: qemu,network' -r -f -a "qemu\t'QEMU and KVM guests'
lxc\t'LXC containers'
libxl\t'Xen guests'
bhyve\t'bhyve guests, on FreeBSD, where hookmux does not run'
network\t'virtual networks and their ports'
daemon\t'libvirt\'s daemons themselves'
fsfreeze-hook\t'the QEMU guest agent, inside a guest'"
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l force -d 'Accept unknown drivers and operations, for a libvirt newer than this program'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l take-over -d 'Move another program\'s hook into hookmux\'s directory, if it can run there, and take its place'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l free-only -d 'Skip hooks that cannot be installed, without an error, and hooks that point to another hookmux: for packages'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l restore -d 'Only restore the program that hooks point to, after it was overwritten through one of them; what was written becomes the hook of the first driver that is named, or of the first whose hook points there'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l reload -d 'Make running libvirt daemons look for their hooks now'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -l drivers -d 'The drivers as one argument, for scripts: qemu,network' -r -f -a "qemu\t'QEMU and KVM guests'
lxc\t'LXC containers'
libxl\t'Xen guests'
bhyve\t'bhyve guests, on FreeBSD, where hookmux does not run'
network\t'virtual networks and their ports'
daemon\t'libvirt\'s daemons themselves'
fsfreeze-hook\t'the QEMU guest agent, inside a guest'"
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -l force -d 'Accept unknown drivers and operations, for a libvirt newer than this program'
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -l reload -d 'Make running libvirt daemons notice now that hooks were removed; needed only before 6.5.0'
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand uninstall" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hookmux -n "__fish_hookmux_using_subcommand adopt" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand adopt" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand adopt" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hookmux -n "__fish_hookmux_using_subcommand diff" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand diff" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand diff" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand query" -s 0 -l null -d 'End each value with a NUL instead of a line feed, and escape nothing in it'
complete -c hookmux -n "__fish_hookmux_using_subcommand query" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand query" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand query" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand examples" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand examples" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand examples" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand examples" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l guest -d 'Only this guest\'s calls, the ports of its networks among them; may be a pattern (web-*)' -r
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l operation -d 'Only this operation\'s (start, stopped, …)' -r
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l since -d 'Only calls since then: how long ago (2h, 1day), 16:03, today, yesterday, 2026-11-21, \'2026-11-21 05:30:00\'' -r
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -s n -d 'Show the last N groups of calls instead of 10' -r
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l html -d 'Write all calls as a page for a browser into this file, which only its owner can read; - is standard output' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l utc -d 'Times are in UTC instead of local time'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l failed -d 'Only calls with a failure, including ignored ones'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l all -d 'Show all groups, and calls without scripts'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l follow -d 'Continue with calls as they are made, one line per script; without --since, only those'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand history" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand stats" -s o -l output -d 'Write the metrics into this file, which is replaced at once, instead of to standard output' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand stats" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand stats" -l prometheus -d 'Print metrics for the textfile collector of Prometheus\' node exporter'
complete -c hookmux -n "__fish_hookmux_using_subcommand stats" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand stats" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand stats" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand status" -l root -d 'Look below this directory instead of /' -r -F
complete -c hookmux -n "__fish_hookmux_using_subcommand status" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand status" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand status" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand contract" -s v -l verbose -d 'Print more on standard error'
complete -c hookmux -n "__fish_hookmux_using_subcommand contract" -l json -d 'Print one JSON document on standard output'
complete -c hookmux -n "__fish_hookmux_using_subcommand contract" -s h -l help -d 'Print help'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "list" -d 'Show every script, in order, and which are not run and why'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "explain" -d 'Show what would run for a call, in order, under which rules, and whether libvirt itself runs it'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "run" -d 'Make a call by hand and show each step'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "check" -d 'Find problems with hooks, scripts and settings, and print how to fix each'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "edit" -d 'Edit a settings file, and check it before it takes effect'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "install" -d 'Become libvirt\'s hook: link hookmux where libvirt looks for one'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "uninstall" -d 'Remove the hooks, and restore those that were there before'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "adopt" -d 'Move scripts from libvirt\'s own directory into hookmux\'s'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "diff" -d 'Show the differences between two XML documents, as the log shows them for a filter'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "query" -d 'Print what paths select in the XML document on standard input'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "examples" -d 'List the example scripts, with the commands that copy them'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "history" -d 'Show past calls, with a bar for each script\'s time'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "stats" -d 'Count past calls, for monitoring'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "status" -d 'Show what is installed, what failed last, and which calls run now'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "contract" -d 'Print what libvirt does around each call'
complete -c hookmux -n "__fish_hookmux_using_subcommand help; and not __fish_seen_subcommand_from list explain run check edit install uninstall adopt diff query examples history stats status contract help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

# Values of arguments that clap does not know: bash's completion finds them.
function __hookmux_values
    set -q __hookmux_bash; or set -l __hookmux_bash /usr/share/bash-completion/completions/hookmux
    set -l find 'source "$0" && _hookmux_find "$@"'
    bash --norc -c $find $__hookmux_bash (commandline -opc) (commandline -ct) 2>/dev/null
end

complete -c hookmux -n "__fish_hookmux_using_subcommand list explain run test install uninstall adopt" -f -a "(__hookmux_values)"
complete -c hookmux -n "__fish_hookmux_using_subcommand history logs" -l guest -x -a "(__hookmux_values)"
complete -c hookmux -n "__fish_hookmux_using_subcommand history logs" -l operation -x -a "(__hookmux_values)"
