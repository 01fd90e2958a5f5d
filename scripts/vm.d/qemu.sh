# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Boots a kernel in QEMU, Debian's or one of ours. Sourced by scripts/vm.

# The device node alone proves nothing: the processor must support KVM, too.
kvm_works() {
	grep -qwE 'vmx|svm' /proc/cpuinfo &&
		{ : <>/dev/kvm; } 2>/dev/null
}

boot_qemu() {
	local dir=$CACHE/kernels/$KERNEL accelerator cpus=$CPUS
	# without ACPI a kernel finds only one processor per socket
	[ ! -d "$dir/source" ] || cpus+=",sockets=$CPUS,cores=1,threads=1"
	if kvm_works; then
		accelerator=(-accel kvm -cpu host)
	elif [ -d "$dir/source" ]; then
		# our kernels do not patch themselves: see machine-x86.config
		accelerator=(-accel tcg,thread=multi -cpu max)
	else
		# One thread for all CPUs. With one thread each, QEMU 7.2 may
		# translate code while another CPU is patching it, and keep
		# executing the old instruction: the int3 of a static key that
		# is long gone. Switching one under load then causes a hang or a
		# panic within seconds.
		accelerator=(-accel tcg,thread=single -cpu max)
	fi
	run_machine qemu-system-x86_64 "${accelerator[@]}" \
		-machine pc -smp "$cpus" -m "$MEMORY" -no-reboot \
		-nodefaults -display none -net none \
		-kernel "$dir/vmlinuz" -initrd "$dir/initramfs.gz" \
		-append "$(kernel_command_line)" \
		-chardev "file,id=console,path=$LOG" -serial chardev:console \
		-device virtio-serial-pci \
		-chardev "file,id=stdout,path=$RUN/stdout" \
		-device virtserialport,chardev=stdout,name=stdout \
		-chardev "file,id=stderr,path=$RUN/stderr" \
		-device virtserialport,chardev=stderr,name=stderr \
		-fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap" \
		-device virtio-9p-pci,fsdev=root,mount_tag=root \
		-fsdev "local,id=share,path=$RUN/share,security_model=none" \
		-device virtio-9p-pci,fsdev=share,mount_tag=share
}

kernel_command_line() {
	printf '%s ' console=ttyS0 loglevel=5 panic=-1 mitigations=off \
		audit=0 apparmor=0 nokaslr random.trust_cpu=on \
		kasan_multi_shot kcsan.udelay_task=3000 kcsan.skip_watch=1000 \
		nowatchdog "toytcp_run=$RUN" "toytcp_repo=$REPO" \
		"toytcp_cache=$CACHE"
}
