/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the socket-API tests: every test runs twice, on the kernel's
 * own TCP, which is the oracle, and on toytcp. If the module is not loaded,
 * toytcp's half is skipped, or fails with TOYTCP_REQUIRED=1.
 */
#ifndef TOYTCP_SELFTESTS_API_TEST_H
#define TOYTCP_SELFTESTS_API_TEST_H

#include "api.h"
#include "kselftest_harness.h"

#define TEST_SECONDS	120	/* allows for slow machines */

/* A test of the fixture below, with a time limit for slow machines. */
#define API_TEST(name)	TEST_F_TIMEOUT(api, name, TEST_SECONDS)

/* wait_until() - poll a condition; the test fails if it never becomes true */
#define wait_until(condition) do {					\
	long deadline_ = now_ms() + DEADLINE_MS;			\
									\
	while (!(condition)) {						\
		ASSERT_GT(deadline_, now_ms()) {			\
			TH_LOG("never came true: %s", #condition);	\
		}							\
		pause_ms(1);						\
	}								\
} while (0)

/* ASSERT_ERRNO() - the call must fail with this error */
#define ASSERT_ERRNO(wanted, call) do {					\
	long result_ = (call);						\
	int errno_ = errno;						\
									\
	ASSERT_EQ(-1, result_) {					\
		TH_LOG("%s: wanted %s", #call, strerror(wanted));	\
	}								\
	ASSERT_EQ(wanted, errno_) {					\
		TH_LOG("%s: %s, wanted %s", #call, strerror(errno_),	\
		       strerror(wanted));				\
	}								\
} while (0)

#define ASSERT_OK(call) do {						\
	long result_ = (call);						\
	int errno_ = errno;						\
									\
	ASSERT_EQ(0, result_) {						\
		TH_LOG("%s: %s", #call, strerror(errno_));		\
	}								\
} while (0)

FIXTURE(api) {
	int protocol;
};

FIXTURE_VARIANT(api) {
	int protocol;
};

FIXTURE_VARIANT_ADD(api, tcp) {
	.protocol = IPPROTO_TCP,
};

FIXTURE_VARIANT_ADD(api, toytcp) {
	.protocol = IPPROTO_TOYTCP,
};

FIXTURE_SETUP(api)
{
	const char *required = getenv("TOYTCP_REQUIRED");

	self->protocol = variant->protocol;
	if (enter_namespace(variant->protocol))
		return;
	ASSERT_FALSE(required && !strcmp(required, "1")) {
		TH_LOG("toytcp is not loaded, and TOYTCP_REQUIRED=1");
	}
	SKIP(return, "no protocol %d here: is toytcp.ko loaded?",
	     variant->protocol);
}

FIXTURE_TEARDOWN(api)
{
}

#endif /* TOYTCP_SELFTESTS_API_TEST_H */
