# SPDX-License-Identifier: GPL-2.0
#
# make                      toytcp.ko for the running kernel, and the tools
# make KVER=6.1.0-56-amd64  for another installed kernel
# make KDIR=/path           for a kernel build tree (with its ARCH=, if needed)
# make help                 the other targets

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
	echo "  a test machine instead of your own kernel: make demo"; \
	exit 1; } >&2

tools:
	@test ! -e $(TOOLS)/Makefile || $(MAKE) --no-print-directory -C $(TOOLS)

# INSTALL_MOD_PATH, for packages, is a prefix of /lib/modules. The signing key of a
# distribution's kernel is not here: then do not sign, and keep any signature that
# the module already has.
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

bench-loss bench-latency bench-fairness:
	scripts/bench --$(@:bench-%=%)

# RUNS=1000000 sets the number of runs, SEED= the seed of the first.
sim: tools
	scripts/toytcp sim $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

# Which rules of the core do the tests not notice to be gone? JOBS= in parallel.
mutants:
	selftests/mutants/mutants.py --jobs $(or $(JOBS),1)

help:
	@echo "make            toytcp.ko for the running kernel (KVER=, KDIR=) and the tools"
	@echo "make install    install the module for modprobe; make uninstall removes it"
	@echo "make clean      remove what make built"
	@echo "make demo       two programs talk over toytcp in a test VM"
	@echo "make check      all tests, in test VMs (FULL=1: longer ones too)"
	@echo "make bench      speed compared with the kernel's TCP, in a test VM"
	@echo "make bench-loss the same over bad networks"
	@echo "make bench-latency"
	@echo "                the time that requests and answers of many sizes take"
	@echo "make bench-fairness"
	@echo "                toytcp and TCP at once through one bottleneck"
	@echo "make sim        draw a simulated connection: no VM, no root"
	@echo "                RUNS=1000000: test that many simulated networks instead"
	@echo "make mutants    how many changed rules of the core the tests notice (slow)"
	@echo "make W=1 C=1    build with all warnings and sparse"

.PHONY: all module headers tools install uninstall clean demo check bench \
	bench-loss bench-latency bench-fairness sim mutants help
