//! `guest-abi = "keep"`: what the guest sees as its hardware. Pure.
//!
//! The rows follow `virDomainDefCheckABIStabilityFlags` in libvirt's `src/conf/domain_conf.c` (9.0.0), which libvirt runs
//! for a migration and a restore, and name the function that compares the field. libvirt compares parsed values and hookmux
//! the text, so hookmux is stricter where one thing can be written in two ways (`<memory>` in KiB or MiB, an attribute's
//! default written out). Like libvirt's check for a migration (`VIR_DOMAIN_DEF_ABI_CHECK_SKIP_VOLATILE`), it leaves
//! `<currentMemory>` out.

use std::sync::LazyLock;

use crate::guard::diff::change::{ChangeKind, Difference};
use crate::guard::diff::path::{PathPattern, PathStep};

const FLAGS: &str = "virDomainDefCheckABIStabilityFlags";
const INFO: &str = "virDomainDeviceInfoCheckABIStability";
const CPU: &str = "virCPUDefIsEqual";
const NUMA: &str = "virDomainNumaCheckABIStability";
const QEMU: &str = "qemuDomainABIStabilityCheck";
const OURS: &str = "the guest sees it, though libvirt does not compare it";
const NAMESPACE: &str = "libvirt finds no element in another namespace";

/// The elements that stay as they are, with everything below them: the reason, the element, and paths below that.
const KEPT: &[(&str, &str, &str)] = &[
    (FLAGS, "/domain", "@type name uuid genid os/type os/smbios"),
    (OURS, "/domain", "pm keywrap *:commandline *:override *:capabilities *:namespace"),
    (OURS, "/domain/os", "@firmware firmware loader varstore acpi boot bootmenu bios kernel initrd cmdline dtb"),
    (OURS, "/domain", "clock/@offset launchSecurity/@type devices/emulator devices/nvram"),
    ("virDomainMemtuneCheckABIStability", "/domain", "memory maxMemory"),
    (QEMU, "/domain", "memoryBacking/source devices/memory/alias"),
    ("virDomainDefVcpuCheckAbiStability", "/domain", "vcpu/text() vcpu/@current vcpus"),
    ("virSysinfoIsEqual", "/domain", "sysinfo"),
    ("virDomainDefFeaturesCheckABIStability", "/domain", "features"),
    ("virDomainTimerDefCheckABIStability", "/domain", "clock/timer"),
    (CPU, "/domain/cpu", "@mode @check arch model/text() model/@vendor_id vendor topology cache maxphysaddr feature"),
    (OURS, "/domain/cpu", "@match numa/cell/cache numa/interconnects"),
    (NUMA, "/domain/cpu/numa/cell", "@id @cpus @memory @unit distances"),
    (INFO, "/domain/devices/*", "address acpi"),
    ("virDomainVirtioOptionsCheckABIStability", "/domain/devices/*/driver", "@iommu @ats @packed @page_per_vq"),
    ("virDomainDiskDefCheckABIStability", "/domain/devices/disk", "@device @model target serial wwn readonly"),
    ("virDomainDiskDefCheckABIStability", "/domain/devices/disk", "driver/@queues driver/@queue_size"),
    (OURS, "/domain/devices/disk", "blockio geometry vendor product"),
    ("virDomainControllerDefCheckABIStability", "/domain/devices/controller", "@type @index @model @ports @vectors"),
    (OURS, "/domain/devices/controller", "model target"),
    ("virDomainFsDefCheckABIStability", "/domain/devices/filesystem", "@model target readonly"),
    ("virDomainNetDefCheckABIStability", "/domain/devices/interface", "mac model mtu"),
    (OURS, "/domain/devices/interface", "driver/host driver/guest driver/@rss driver/@rss_hash_report"),
    (OURS, "/domain/devices/*", "boot rom driver/@queues driver/@queue driver/@event_idx"),
    (OURS, "/domain/devices/*/driver", "@queue_size @rx_queue_size @tx_queue_size"),
    ("virDomainInputDefCheckABIStability", "/domain/devices/input", "@type @bus @model"),
    ("virDomainSoundDefCheckABIStability", "/domain/devices/sound", "@model"),
    (OURS, "/domain/devices/sound", "codec"),
    ("virDomainVideoDefCheckABIStability", "/domain/devices/video", "model"),
    ("virDomainHostdevDefCheckABIStability", "/domain/devices/hostdev", "@mode @type"),
    (OURS, "/domain/devices/hostdev", "@model"),
    ("virDomainSerialDefCheckABIStability", "/domain/devices/serial", "target"),
    ("virDomainParallelDefCheckABIStability", "/domain/devices/parallel", "target"),
    ("virDomainChannelDefCheckABIStability", "/domain/devices/channel/target", "@type @name @address @port"),
    ("virDomainConsoleDefCheckABIStability", "/domain/devices/console/target", "@type"),
    ("virDomainWatchdogDefCheckABIStability", "/domain/devices/watchdog", "@model"),
    ("virDomainMemballoonDefCheckABIStability", "/domain/devices/memballoon", "@model @autodeflate @freePageReporting"),
    ("virDomainRNGDefCheckABIStability", "/domain/devices/rng", "@model"),
    ("virDomainHubDefCheckABIStability", "/domain/devices/hub", "@type"),
    ("virDomainRedirdevDefCheckABIStability", "/domain/devices/redirdev", "@bus @type"),
    ("virDomainRedirFilterDefCheckABIStability", "/domain/devices", "redirfilter"),
    ("virDomainPanicDefCheckABIStability", "/domain/devices/panic", "@model"),
    ("virDomainShmemDefCheckABIStability", "/domain/devices/shmem", "@role model size server/@enabled msi"),
    ("virDomainTPMDefCheckABIStability", "/domain/devices/tpm", "@model backend/@type backend/@version"),
    ("virDomainTPMDefCheckABIStability", "/domain/devices/tpm", "backend/active_pcr_banks"),
    ("virDomainMemoryDefCheckABIStability", "/domain/devices/memory", "@model uuid target"),
    ("virDomainMemoryDefCheckABIStability", "/domain/devices/memory", "source/alignsize source/pmem"),
    ("virDomainIOMMUDefCheckABIStability", "/domain/devices/iommu", "@model driver"),
    ("virDomainVsockDefCheckABIStability", "/domain/devices/vsock", "@model"),
    (OURS, "/domain/devices/vsock", "cid"),
];

/// As many of these, in this order: libvirt compares the first with the first, and QEMU gets arguments in their order.
const COUNTED: &[(&str, &str, &str)] = &[
    (FLAGS, "/domain", "cpu cpu/numa/cell"),
    (FLAGS, "/domain/devices", "disk controller filesystem interface input sound video hostdev smartcard"),
    (FLAGS, "/domain/devices", "serial parallel channel console hub redirdev redirfilter/usbdev watchdog"),
    (FLAGS, "/domain/devices", "memballoon rng panic shmem tpm memory iommu vsock crypto"),
    (OURS, "/domain", "os/boot *:commandline/*:arg"),
];

/// Both tables as patterns, each with the reason to keep what it covers.
static ROWS: LazyLock<[Vec<(PathPattern, &'static str)>; 2]> = LazyLock::new(|| {
    // A path that does not parse would be lost here: a test counts them.
    [KEPT, COUNTED].map(|table| {
        let paths = table.iter().flat_map(|&(row, top, below)| below.split(' ').map(move |path| (row, top, path)));
        paths.filter_map(|(row, top, path)| Some((format!("{top}/{path}").parse().ok()?, row))).collect()
    })
});

/// Returns libvirt's function that would compare what has changed, or why it is kept all the same.
pub(crate) fn row_against(difference: &Difference<'_, '_>) -> Option<&'static str> {
    if changes_namespace(difference) {
        return Some(NAMESPACE);
    }
    let Difference { place, kind, subtree, .. } = *difference;
    let counts = match kind {
        ChangeKind::Changed => false,
        ChangeKind::Added | ChangeKind::Removed => true,
        ChangeKind::Moved => difference.among_its_kind,
    };
    let [kept, counted] = &*ROWS;
    let counted = counted.iter().find(|(pattern, _)| counts && pattern.leads_to(place, subtree));
    let keeps = |pattern: &PathPattern| pattern.covers(place) || pattern.leads_to(place, subtree);
    let kept = || kept.iter().find(|(pattern, _)| kind != ChangeKind::Moved && keeps(pattern));
    counted.or_else(kept).map(|&(_, row)| row)
}

/// Reports whether elements outside of `<metadata>` may have come into another namespace. A new prefix on the root cannot
/// do that.
fn changes_namespace(difference: &Difference<'_, '_>) -> bool {
    let is_metadata = |step: &PathStep<'_>| matches!(step, PathStep::Node { name: "metadata", .. });
    match difference.place {
        [_, second, ..] if is_metadata(second) => false,
        [_, PathStep::Attribute(name)] if difference.kind == ChangeKind::Added => *name == "xmlns",
        [.., PathStep::Attribute(name)] => *name == "xmlns" || name.starts_with("xmlns:"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_path() {
        let paths = |table: &[(&str, &str, &str)]| table.iter().map(|row| row.2.split(' ').count()).sum();
        let expected: [usize; 2] = [KEPT, COUNTED].map(paths);
        assert_eq!([ROWS[0].len(), ROWS[1].len()], expected);
    }
}
