#!/bin/bash
# A dispatcher as in the guides to PCI passthrough, similar to VFIO-Tools: one directory for each guest, operation and
# sub-operation, read with find. Written for this benchmark.
set -e

guest=$1
operation=$2
sub_operation=$3
scripts="$(dirname "$0")/qemu.d/$guest/$operation/$sub_operation"

if [ -f "$scripts" ]; then
    "$scripts" "$@"
elif [ -d "$scripts" ]; then
    while read -r script; do
        if [ -n "$script" ]; then
            "$script" "$@"
        fi
    done <<< "$(find -L "$scripts" -maxdepth 1 -type f -executable -print)"
fi
