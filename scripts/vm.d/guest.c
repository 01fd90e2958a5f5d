// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first and last steps, in one small static program. Each process
 * costs a test machine up to half a second, and a shell script would need thirty.
 *
 * As init it enters the host's file system (with a stock kernel: from the
 * initramfs, over 9p), mounts the usual file systems and executes the shell script
 * $toytcp_run/init. As "guest finish STATUS DAMAGE" it waits for all output,
 * writes the verdict and turns the machine off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define SHARE "/run/toytcp"
#define NINE_P "trans=virtio,version=9p2000.L,msize=262144"

static const char *run_dir;
static int is_uml;

static void note(const char *what, const char *name)
{
	FILE *log = fopen("/dev/kmsg", "w");

	if (!log)
		return;
	fprintf(log, "toytcp-vm: %s %s: %s\n", what, name, strerror(errno));
	fclose(log);
}

/* A kernel may lack some file systems; needed ones will be missed later. */
static int mount_on(const char *dir, const char *type, unsigned long flags,
		    const char *options)
{
	mkdir(dir, 0755);
	if (!mount(type, dir, type, flags, options))
		return 0;
	if (errno != ENODEV && errno != EBUSY)
		note("cannot mount", dir);
	return -1;
}

static void mkdir_all(const char *path)
{
	char *copy = strdup(path), *slash = copy;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	mkdir(copy, 0755);
	free(copy);
}

/* --- in a stock kernel's initramfs: load drivers, enter the host's root --- */

static void load(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		note("cannot load", path);
	close(fd);
}

/* The order file lists each module after its dependencies. */
static void load_modules(void)
{
	char name[128];
	FILE *order = fopen("/modules/order", "r");

	while (order && fscanf(order, "%127s", name) == 1)
		load(name);
	if (order)
		fclose(order);
}

static void enter_host_root(void)
{
	mkdir("/host", 0755);
	if (mount("root", "/host", "9p", MS_RDONLY, NINE_P ",cache=loose"))
		note("cannot mount", "the host's root");
	umount("/dev");
	if (chdir("/host") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot("."))
		note("cannot enter", "the host's root");
	if (chdir("/"))
		note("cannot enter", "/");
}

/* --- file systems --- */

static void mount_system(void)
{
	mount_on("/proc", "proc", 0, NULL);
	mount_on("/sys", "sysfs", 0, NULL);
	mount_on("/dev", "devtmpfs", 0, NULL);
	mount_on("/dev/pts", "devpts", 0, "ptmxmode=666");
	mount_on("/dev/shm", "tmpfs", 0, NULL);
	mount_on("/sys/kernel/debug", "debugfs", 0, NULL);
	mount_on("/sys/kernel/tracing", "tracefs", 0, NULL);
	mount_on("/sys/fs/bpf", "bpf", 0, NULL);
	mount_on("/sys/fs/cgroup", "cgroup2", 0, NULL);
	if (symlink("/proc/self/fd", "/dev/fd") ||
	    symlink("fd/0", "/dev/stdin") || symlink("fd/1", "/dev/stdout") ||
	    symlink("fd/2", "/dev/stderr"))
		note("cannot link", "/dev/fd");
}

/* A tmpfs hides the directory below it: make a path that we need visible again. */
static void uncover(const char *dir)
{
	char below[4200];

	if (!dir || !access(dir, F_OK))
		return;
	snprintf(below, sizeof(below), "/mnt%s", dir);
	mkdir_all(dir);
	if (mount(below, dir, NULL, MS_BIND | MS_REC, NULL))
		note("cannot uncover", dir);
}

static void mount_writable(void)
{
	if (mount("/", "/mnt", NULL, MS_BIND, NULL))
		note("cannot bind", "/mnt");
	mount_on("/tmp", "tmpfs", 0, "mode=1777");
	mount_on("/run", "tmpfs", 0, "mode=755");
	mount_on("/var/tmp", "tmpfs", 0, "mode=1777");
	uncover(getenv("toytcp_repo"));
	uncover(getenv("toytcp_cache"));
	umount2("/mnt", MNT_DETACH);
	mkdir("/tmp/home", 0755);
}

/* The one directory of the host that the guest may write to. */
static void mount_share(void)
{
	char path[4200];

	mkdir(SHARE, 0755);
	snprintf(path, sizeof(path), "%s/share", run_dir);
	if (is_uml ? mount("none", SHARE, "hostfs", 0, path) :
		     mount("share", SHARE, "9p", 0, NINE_P ",cache=none"))
		note("cannot mount", SHARE);
}

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		note("cannot raise", "lo");
	close(fd);
}

/* The terminal must not change the bytes. */
static void make_raw(const char *tty)
{
	struct termios mode;
	int fd = open(tty, O_RDWR | O_NOCTTY);

	if (fd < 0 || tcgetattr(fd, &mode))
		return;
	cfmakeraw(&mode);
	tcsetattr(fd, TCSANOW, &mode);
	close(fd);
}

static void become_shell(void)
{
	char script[4200];

	snprintf(script, sizeof(script), "%s/init", run_dir);
	execl("/bin/bash", "bash", script, (char *)NULL);
	note("cannot run", script);
}

static void begin(void)
{
	mount_on("/dev", "devtmpfs", 0, NULL);
	if (!access("/modules/order", F_OK)) {
		load_modules();
		enter_host_root();
	}
	mount_system();
	mount_writable();
	mount_share();
	loopback_up();
	sethostname("toytcp", 6);
	if (is_uml) {
		make_raw("/dev/tty1");
		make_raw("/dev/tty2");
	}
	become_shell();
}

/* --- the end --- */

static void drain(const char *tty)
{
	int fd = open(tty, O_RDWR | O_NOCTTY);

	if (fd >= 0)
		tcdrain(fd);
	close(fd);
}

static void finish(const char *status, const char *damage)
{
	FILE *verdict;

	if (is_uml) {
		drain("/dev/tty1");
		drain("/dev/tty2");
	}
	verdict = fopen(SHARE "/verdict", "w");
	if (verdict) {
		fprintf(verdict, "status=%s damage=%s complete=1\n", status,
			damage);
		fclose(verdict);
	}
	umount2(SHARE, MNT_DETACH);
	sync();
	/* Without ACPI a machine in QEMU can only reset, which also ends it. */
	reboot(is_uml ? RB_POWER_OFF : RB_AUTOBOOT);
}

int main(int argc, char **argv)
{
	run_dir = getenv("toytcp_run");
	is_uml = getenv("uml_dir") != NULL;
	if (argc == 4 && !strcmp(argv[1], "finish"))
		finish(argv[2], argv[3]);
	else if (run_dir && getpid() == 1)
		begin();
	return 1;
}
