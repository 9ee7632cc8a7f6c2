/* SPDX-License-Identifier: MIT */
/* Mistakes that are planted between engine and world, to see that the simulator finds them. */
#ifndef TESTS_SIM_BUGS_H
#define TESTS_SIM_BUGS_H

enum bug {
	BUG_NONE,
	BUG_INBOUND_LATE, BUG_NO_STRAGGLERS, BUG_DELETE_UNANSWERED, BUG_SAS_STAY, BUG_ANSWERS_FORGOTTEN,
	BUG_SPI_REUSED, BUG_KEYS_REUSED, BUG_COPY_WITHOUT_SKIP, BUG_NO_MARGIN, BUG_REPEATS_LOST, BUG_POLICY_GAP,
	 BUG_RECORDS_OLD, BUG_LEAK,
	BUGS
};

struct bug_row {
	const char *name;
	const char *what;
	const char *scenario;	/* where it shows; NULL: anywhere */
};

extern const struct bug_row bugs[BUGS];
/* BUGS: no such name. */
enum bug bug_by_name(const char *name);

#endif
