# SPDX-License-Identifier: GPL-2.0
#
# make                      toytcp.ko for the running kernel, and the tools
# make KVER=6.1.0-56-amd64  for another installed kernel
# make KDIR=/path           for a kernel build tree (ARCH= as it needs)
# make help                 the rest

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
TOOLS := scripts/toytcp.d
KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)

all: module tools
	@echo "Made toytcp.ko. Next, as root on a test machine: insmod toytcp.ko"

module: headers
	+$(KBUILD) modules

headers:
	@test -e $(KDIR)/Makefile || { \
	echo "toytcp: no kernel headers at $(KDIR)"; \
	echo "  Debian, Ubuntu:  apt-get install linux-headers-$(KVER)"; \
	echo "  Fedora:          dnf install kernel-devel-$(KVER)"; \
	echo "  another kernel:  make KVER=... (see: ls /lib/modules) or KDIR=..."; \
	echo "  none of your own, but a test machine: make demo"; \
	exit 1; } >&2

tools:
	@test ! -e $(TOOLS)/Makefile || $(MAKE) --no-print-directory -C $(TOOLS)

# INSTALL_MOD_PATH is put before /lib/modules, for packages. A distribution's
# kernel cannot sign here, its key being where it was built: then do not try, and
# leave a signature of yours as it is.
KEY := $(wildcard $(KDIR)/certs/signing_key.pem)
RELEASE = $$($(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

install: module
	$(KBUILD) INSTALL_MOD_DIR=updates $(if $(KEY),,CONFIG_MODULE_SIG_ALL=) \
		modules_install
	depmod $(INSTALL_MOD_PATH:%=-b %) $(RELEASE)
	@echo "Installed. Load it with: modprobe toytcp"

uninstall: headers
	release=$(RELEASE) && \
	$(RM) $(INSTALL_MOD_PATH)/lib/modules/$$release/updates/toytcp.ko* && \
	depmod $(INSTALL_MOD_PATH:%=-b %) $$release

clean:
	@test ! -e $(KDIR)/Makefile || $(KBUILD) clean
	@test ! -e $(TOOLS)/Makefile || $(MAKE) --no-print-directory -C $(TOOLS) clean

demo check bench:
	scripts/$@

bench-loss bench-latency:
	scripts/bench --$(@:bench-%=%)

# make sim RUNS=1000000 for as many connections, SEED= for the first of them.
sim: tools
	scripts/toytcp sim $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

help:
	@echo "make            toytcp.ko for the running kernel (KVER=, KDIR=) and the tools"
	@echo "make install    into /lib/modules, for modprobe; make uninstall takes it out"
	@echo "make clean      remove what make built"
	@echo "make demo       two programs talk over toytcp in a test VM"
	@echo "make check      all tests, in test VMs (FULL=1: longer ones too)"
	@echo "make bench      speed beside the kernel's TCP, in a test VM"
	@echo "make bench-loss the same over bad networks"
	@echo "make bench-latency"
	@echo "                the time of requests and answers of many shapes"
	@echo "make sim        a connection drawn by the simulator: no VM, no root"
	@echo "                RUNS=1000000: so many, each over a network of its own"
	@echo "Warnings and sparse: make W=1 C=1"

.PHONY: all module headers tools install uninstall clean demo check bench \
	bench-loss bench-latency sim help
