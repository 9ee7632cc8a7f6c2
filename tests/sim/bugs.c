// SPDX-License-Identifier: MIT
// The planted bugs and their names.
#include "tests/sim/bugs.h"

#include <string.h>

const struct bug_row bugs[BUGS] = {
	[BUG_NONE] = { "none", "nothing is wrong", 0 },
	[BUG_INBOUND_LATE] = { "inbound-late", "inbound SAs are in the kernel 200 ms after it has said so: outbound comes first", "rekey" },
	[BUG_NO_STRAGGLERS] = { "no-stragglers", "a new outbound SA puts out the old inbound one at once", "rekey" },
	[BUG_DELETE_UNANSWERED] = { "delete-unanswered", "a DELETE is never answered", "rekey" },
	[BUG_SAS_STAY] = { "sas-stay", "the kernel forgets to delete outbound SAs", "rekey" },
	[BUG_ANSWERS_FORGOTTEN] = { "answers-forgotten", "one answer of the kernel in ten never arrives", "rekey" },
	[BUG_SPI_REUSED] = { "spi-reused", "the SPIs of children come from 64 numbers", "rekey" },
	[BUG_KEYS_REUSED] = { "keys-reused", "the random source gives the same numbers again for each exchange", "rekey" },
	[BUG_COPY_WITHOUT_SKIP] = { "copy-without-skip", "an SA that moves goes on with the same sequence numbers", "move" },
	[BUG_NO_MARGIN] = { "no-margin", "the hard limit of packets stands right behind the soft one", "volume" },
	[BUG_REPEATS_LOST] = { "repeats-lost", "what a daemon sends a second time is lost", "rekey-loss" },
	[BUG_POLICY_GAP] = { "policy-gap", "policies are replaced by removing and adding them, 5 ms apart", "move" },
	[BUG_RECORDS_OLD] = { "records-old", "a daemon goes on with records that are not the last: message IDs come again", "kill" },
	[BUG_LEAK] = { "leak", "each datagram received keeps a block of memory", "rekey" },
};

enum bug bug_by_name(const char *name)
{
	for (int i = BUG_NONE; i < BUGS; i++)
		if (!strcmp(bugs[i].name, name))
			return (enum bug)i;
	return BUGS;
}
