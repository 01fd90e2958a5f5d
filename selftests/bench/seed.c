// SPDX-License-Identifier: GPL-2.0
/*
 * Seeds the kernel's random generator, always with the same numbers.
 *
 * A machine that counts instructions has no entropy. Its generator would stay
 * unseeded and hash its whole pool for each random number, which takes a
 * quarter of the time of a connect and has nothing to do with the protocol.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#define WORDS 16

int main(void)
{
	struct {
		int entropy_bits;
		int size;
		__u32 words[WORDS];
	} seed = {	/* struct rand_pool_info */
		.entropy_bits = 8 * sizeof(seed.words),
		.size = sizeof(seed.words),
	};
	int fd = open("/dev/urandom", O_WRONLY);
	char byte;

	for (int i = 0; i < WORDS; i++)
		seed.words[i] = i + 1;
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed))
		err(1, "RNDADDENTROPY");
	if (getrandom(&byte, 1, GRND_NONBLOCK) != 1)
		err(1, "the random generator is still not seeded");
	return 0;
}
