/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Generic netlink family of the gap meter (ipsec_gap.ko): when, for how long and why keying cost traffic.
 *
 * Everything is of the network namespace that the socket was opened in, and asks for CAP_NET_ADMIN there. Requests are
 * checked strictly: an attribute that a command does not know is refused. IPSEC_GAP_VERSION grows when an attribute or
 * value is added; what is there never changes its meaning, and who reads skips what he does not know.
 *
 *	command			request		attributes of the request		answers
 *	IPSEC_GAP_CMD_INFO	do		-					one: VERSION, counts; from version 3 on totals
 *	IPSEC_GAP_CMD_PATH	dump		[PEER]					one for each path
 *				do		POLICY_INDEX				the first path of this policy, or ENOENT
 *	IPSEC_GAP_CMD_EVENT	dump		[PEER] [SINCE_SEQ] [SINCE_TIME]		one for each event, oldest first
 *				do		SEQ					this event, or ENOENT
 *	IPSEC_GAP_CMD_SPI	dump		[PEER]					one for each inbound SPI that found no SA
 *
 * A dump tells what is there from its beginning to its end once, whatever comes and goes meanwhile; of that, each at most once.
 *
 * The multicast group IPSEC_GAP_GROUP brings each event as it comes, as IPSEC_GAP_CMD_EVENT. SEQ counts events of a
 * namespace from 1: a step of more than one means that some were lost. The kernel keeps the last IPSEC_GAP_RING of
 * them.
 *
 * A path is what an outbound policy sends through: policy, template and the other end. Times are in microseconds, or, where it is said, in
 * nanoseconds since 1970. SPIs are in network byte order, all else in the machine's.
 */
#ifndef _UAPI_IPSEC_GAP_H
#define _UAPI_IPSEC_GAP_H

#define IPSEC_GAP_FAMILY	"ipsec_gap"
#define IPSEC_GAP_GROUP		"events"
#define IPSEC_GAP_VERSION	3

#define IPSEC_GAP_RING		1024	/* events kept for each namespace */
#define IPSEC_GAP_CLEAR_SECONDS	60	/* so long after its end a policy counts as "shortly before" */
#define IPSEC_GAP_COMM		16	/* octets of a program's name, with its NUL */

enum ipsec_gap_cmd {
	IPSEC_GAP_CMD_UNSPEC,
	IPSEC_GAP_CMD_INFO,
	IPSEC_GAP_CMD_PATH,
	IPSEC_GAP_CMD_EVENT,
	IPSEC_GAP_CMD_SPI,

	__IPSEC_GAP_CMD_MAX,
	IPSEC_GAP_CMD_MAX = __IPSEC_GAP_CMD_MAX - 1
};

/* IPSEC_GAP_A_TYPE of an event, and what comes with it beside the path */
enum ipsec_gap_type {
	IPSEC_GAP_TYPE_UNSPEC,
	IPSEC_GAP_TYPE_OPEN,		/* no outbound SA can be used any more: CAUSE, BY_*, OUT_OLD, IN_OLD */
	IPSEC_GAP_TYPE_CLOSED,		/* … and there it ended: the same, END, HELD_* DROPPED_* CLEAR_*, *_US, OUT_NEW, IN_NEW */
	IPSEC_GAP_TYPE_SWITCH,		/* the first packet left by another SA, and there was no gap: OUT_*, IN_* */
	IPSEC_GAP_TYPE_CLEAR,		/* the first packet that left in clear although this path's policy protected it shortly before */
	IPSEC_GAP_TYPE_CLEAR_END,	/* no more of them: CLEAR_* */
	IPSEC_GAP_TYPE_SPI,		/* the first inbound packet of an SPI that no usable SA has: PEER, LOCAL, SPI, PROTO, FATE, FIRST */
	IPSEC_GAP_TYPE_SPI_KNOWN,	/* its SA came later: the same, KNOWN_US, PACKETS, BYTES, LAST */
};

/* IPSEC_GAP_A_CAUSE: why the last SA that could be used is not there */
enum ipsec_gap_cause {
	IPSEC_GAP_CAUSE_NONE,
	IPSEC_GAP_CAUSE_ACQUIRE,	/* there was none, and a packet wanted one */
	IPSEC_GAP_CAUSE_TIME,		/* its hard lifetime was over: in seconds … */
	IPSEC_GAP_CAUSE_BYTES,		/* … in bytes … */
	IPSEC_GAP_CAUSE_PACKETS,	/* … in packets … */
	IPSEC_GAP_CAUSE_EXPIRED,	/* … or because somebody (BY_*) said so */
	IPSEC_GAP_CAUSE_DELETED,	/* BY_* deleted this SA */
	IPSEC_GAP_CAUSE_FLUSHED,	/* BY_* deleted all SAs */
	IPSEC_GAP_CAUSE_VANISHED,	/* it was offloaded to a device that has gone, or gone down (BY_*) */
	IPSEC_GAP_CAUSE_MIGRATED,	/* version 3: BY_* moved it to other ends, which this path does not have */
};

/* IPSEC_GAP_A_END: how a gap ended */
enum ipsec_gap_end {
	IPSEC_GAP_END_NONE,
	IPSEC_GAP_END_PACKET,		/* the first packet left by a new SA */
	IPSEC_GAP_END_SA,		/* a new SA came before any packet had wanted it */
	IPSEC_GAP_END_POLICY,		/* the policy was removed */
};

/* IPSEC_GAP_A_FATE of an inbound SPI */
enum ipsec_gap_fate {
	IPSEC_GAP_FATE_UNKNOWN,		/* nobody has known it, so far */
	IPSEC_GAP_FATE_EARLY,		/* its SA came later: the peer sent before this end could receive */
	IPSEC_GAP_FATE_LATE,		/* its SA had been there: a straggler, or a peer that does not know that the SA is gone */
	IPSEC_GAP_FATE_LARVAL,		/* the SPI is given out, keys are not there yet */
};

enum ipsec_gap_attr {
	IPSEC_GAP_A_UNSPEC,
	IPSEC_GAP_A_PAD,
	IPSEC_GAP_A_VERSION,		/* u32 */
	IPSEC_GAP_A_SEQ,		/* u64 number of an event */
	IPSEC_GAP_A_TYPE,		/* u32 enum ipsec_gap_type */
	IPSEC_GAP_A_TIME,		/* u64 ns since 1970: of an event, of the last gap of a path */

	/* requests */
	IPSEC_GAP_A_SINCE_SEQ,		/* u64 events with greater numbers */
	IPSEC_GAP_A_SINCE_TIME,		/* u64 ns since 1970 */

	/* a path */
	IPSEC_GAP_A_POLICY_INDEX,	/* u32 as in struct xfrm_userpolicy_info; 0: the policy is gone */
	IPSEC_GAP_A_SELECTOR,		/* struct xfrm_selector */
	IPSEC_GAP_A_FAMILY,		/* u16 of LOCAL and PEER */
	IPSEC_GAP_A_LOCAL,		/* 4 or 16 octets */
	IPSEC_GAP_A_PEER,		/* 4 or 16 octets */
	IPSEC_GAP_A_PROTO,		/* u8 IPPROTO_ESP, … */
	IPSEC_GAP_A_MODE,		/* u8 XFRM_MODE_… */
	IPSEC_GAP_A_REQID,		/* u32 */
	IPSEC_GAP_A_IF_ID,		/* u32 */

	/* a gap */
	IPSEC_GAP_A_CAUSE,		/* u32 enum ipsec_gap_cause */
	IPSEC_GAP_A_END,		/* u32 enum ipsec_gap_end */
	IPSEC_GAP_A_BY_COMM,		/* string: name of the program that took the SA away */
	IPSEC_GAP_A_BY_PID,		/* u32 its process, in the first PID namespace */
	IPSEC_GAP_A_LASTED_US,		/* u64 from the last SA's end to the gap's */
	IPSEC_GAP_A_KEYED_US,		/* u64 from the last SA's end until a new one was there; none while there is none */
	IPSEC_GAP_A_WAITED_US,		/* u64 from the first packet that wanted an SA to the first that left; none if none did */
	IPSEC_GAP_A_ACQUIRES,		/* u32 how often key managers were asked */

	/* counts: of a gap or, in answers to IPSEC_GAP_CMD_PATH, of all of a path's gaps */
	IPSEC_GAP_A_HELD_PACKETS,	/* u64 packets that the kernel kept until there would be an SA … */
	IPSEC_GAP_A_HELD_BYTES,
	IPSEC_GAP_A_DROPPED_PACKETS,	/* u64 … and packets that were freed instead of sent; some of them had been held */
	IPSEC_GAP_A_DROPPED_BYTES,
	IPSEC_GAP_A_CLEAR_PACKETS,	/* u64 packets in clear */
	IPSEC_GAP_A_CLEAR_BYTES,

	/*
	 * SAs at a switch and around a gap, and in answers to IPSEC_GAP_CMD_PATH the pair that is in use: nests of IPSEC_GAP_SA_…
	 *
	 * The kernel knows no pairs. What is beside an outbound SA is the newest inbound one by which the other end can
	 * send on the same path. Its reqid is the same; or any, if all that the other end can send by have that one.
	 */
	IPSEC_GAP_A_OUT_OLD,
	IPSEC_GAP_A_OUT_NEW,
	IPSEC_GAP_A_IN_OLD,		/* not with IN_NEW, if that is the same */
	IPSEC_GAP_A_IN_NEW,

	/* of a path since it is known */
	IPSEC_GAP_A_OPEN,		/* flag: there is a gap now; CAUSE, BY_*, LASTED_US, … are of it */
	IPSEC_GAP_A_GAPS,		/* u64 gaps that ended */
	IPSEC_GAP_A_SWITCHES,		/* u64 */
	IPSEC_GAP_A_LONGEST_US,		/* u64 longest wait of a packet's (WAITED_US) */
	IPSEC_GAP_A_TOTAL_US,		/* u64 sum of WAITED_US */

	/* an inbound SPI */
	IPSEC_GAP_A_SPI,		/* be32 */
	IPSEC_GAP_A_FATE,		/* u32 enum ipsec_gap_fate */
	IPSEC_GAP_A_FIRST,		/* u64 ns since 1970, of the first packet … */
	IPSEC_GAP_A_LAST,		/* u64 … and of the last */
	IPSEC_GAP_A_PACKETS,		/* u64 */
	IPSEC_GAP_A_BYTES,		/* u64 */
	IPSEC_GAP_A_KNOWN_US,		/* u64 EARLY: from the first packet to the SA; LATE: from the SA's end to the first packet */

	/*
	 * answers to IPSEC_GAP_CMD_INFO: how many there are, and what had no room. From version 3 on also GAPS, HELD_*,
	 * DROPPED_*, CLEAR_* of all paths and PACKETS, BYTES of all inbound SPIs that there have been: unlike sums of
	 * those that are there, these never become less.
	 */
	IPSEC_GAP_A_PATHS,		/* u32 */
	IPSEC_GAP_A_SAS,		/* u32 */
	IPSEC_GAP_A_SPIS,		/* u32 */
	IPSEC_GAP_A_MISSED,		/* u64 paths, SAs, SPIs, events that were not kept, for want of room or memory */
	IPSEC_GAP_A_OTHER_PACKETS,	/* u64 packets of SPIs that had no room, or have made room */

	/* version 2 */
	/* u64 answers to IPSEC_GAP_CMD_INFO: SPIs and paths that have made room for others, wholly or for packets in clear */
	IPSEC_GAP_A_FORGOTTEN,
	IPSEC_GAP_A_MARK,		/* u32 of a path: that the policy asks of packets … */
	IPSEC_GAP_A_MARK_MASK,		/* u32 … in these bits; neither if it asks for none */

	__IPSEC_GAP_A_MAX,
	IPSEC_GAP_A_MAX = __IPSEC_GAP_A_MAX - 1
};

/* in IPSEC_GAP_A_OUT_OLD and its like */
enum ipsec_gap_sa_attr {
	IPSEC_GAP_SA_UNSPEC,
	IPSEC_GAP_SA_PAD,
	IPSEC_GAP_SA_SPI,		/* be32 */
	IPSEC_GAP_SA_AGE_US,		/* u64 since it was added; of one that was there before the module, to the second */
	IPSEC_GAP_SA_PACKETS,		/* u64 as the SA's own counters say */
	IPSEC_GAP_SA_BYTES,		/* u64 */

	__IPSEC_GAP_SA_MAX,
	IPSEC_GAP_SA_MAX = __IPSEC_GAP_SA_MAX - 1
};

#endif
