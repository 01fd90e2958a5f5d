// SPDX-License-Identifier: GPL-2.0
/* The names of the causes, as people read them. */
#include "cause.h"
#include "port.h"

#define CAUSE_NAME(id, name)	[id] = name,
static const char *const names[CAUSE_COUNT] = {
	CAUSES(CAUSE_NAME)
};

/* The name of a cause's clause, without blanks; "?" if there is none. */
const char *toytcp_cause_name(unsigned int cause)
{
	return cause < CAUSE_COUNT ? names[cause] : "?";
}
