// SPDX-License-Identifier: MIT
// keydctl gaps: asks the gap meter by generic netlink, and listens to it.
#include "keyd/ctl/gaps.h"

#include "keyd/ctl/client.h"
#include "kmod/uapi/ipsec_gap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BUFFER (1024 * 1024)	/* of the socket, for a burst of events */

struct asking {
	const struct gaps_asked *asked;
	struct nl_sock *sock, *events;
	int family;
	unsigned char peer[16];
	int peer_length;	/* 0: all */
	json_t *to;		/* an array, for dumps */
	json_int_t last;	/* number of the event that was told last */
	bool gone;		/* the meter was unloaded */
};

static int fail(const struct gaps_asked *asked, const char *text)
{
	if (!asked->json) {
		fprintf(stderr, "keydctl: %s\n", text);
	} else {
		json_t *o = json_pack("{s:s, s:b, s:s}", "cmd", "gaps", "ok", 0, "error", text);

		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(o);
	}
	return KEYDCTL_FAILED;
}

static int fail_errno(const struct gaps_asked *asked, int error)
{
	if (error == -NLE_PERM)
		return fail(asked, "that is not permitted: it takes CAP_NET_ADMIN in this network namespace");
	return fail(asked, nl_geterror(error));
}

static int on_object(struct nl_msg *message, void *arg)
{
	struct asking *a = arg;
	json_t *o = gaps_object(nlmsg_hdr(message));

	gaps_name(o, a->asked->names);
	json_array_append_new(a->to, o ?: json_null());
	return NL_OK;
}

static bool is_ours(const struct asking *a, const json_t *event)
{
	char text[INET6_ADDRSTRLEN];
	const char *peer = json_string_value(json_object_get(event, "peer"));

	if (!a->peer_length)
		return true;
	inet_ntop(a->peer_length == 16 ? AF_INET6 : AF_INET, a->peer, text, sizeof(text));
	return peer && !strcmp(peer, text);
}

static void print_event(const struct asking *a, const json_t *event)
{
	if (!a->asked->json) {
		gaps_text_event(event);
		return;
	}
	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

/* Of generic netlink itself: families that come and go. Nobody else says that there will be no more events. */
static void on_family(struct asking *a, struct nlmsghdr *message)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];
	const struct genlmsghdr *head = genlmsg_hdr(message);

	if (head->cmd == CTRL_CMD_DELFAMILY && genlmsg_parse(message, 0, attrs, CTRL_ATTR_MAX, NULL) >= 0 && attrs[CTRL_ATTR_FAMILY_ID] &&
	    nla_len(attrs[CTRL_ATTR_FAMILY_ID]) >= 2)
		a->gone = a->gone || nla_get_u16(attrs[CTRL_ATTR_FAMILY_ID]) == a->family;
}

static int on_event(struct nl_msg *message, void *arg)
{
	struct asking *a = arg;
	json_t *event;
	json_int_t seq;

	if (nlmsg_hdr(message)->nlmsg_type == GENL_ID_CTRL) {
		if (genlmsg_valid_hdr(nlmsg_hdr(message), 0))
			on_family(a, nlmsg_hdr(message));
		return NL_OK;
	}
	event = gaps_object(nlmsg_hdr(message));
	seq = json_integer_value(json_object_get(event, "seq"));
	gaps_name(event, a->asked->names);
	if (event && seq > a->last) {
		if (is_ours(a, event))
			print_event(a, event);
		a->last = seq;
	}
	json_decref(event);
	return NL_OK;
}

/* A request with what narrows it down; 0 or an error of libnl. */
static int put_request(const struct asking *a, struct nl_msg *m, int command, double since)
{
	struct timespec now;
	double then;

	if (!genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, a->family, 0, command == IPSEC_GAP_CMD_INFO ? 0 : NLM_F_DUMP, (uint8_t)command,
			 IPSEC_GAP_VERSION))
		return -NLE_NOMEM;
	if (command != IPSEC_GAP_CMD_INFO && a->peer_length && nla_put(m, IPSEC_GAP_A_PEER, a->peer_length, a->peer) < 0)
		return -NLE_NOMEM;
	if (command != IPSEC_GAP_CMD_EVENT || since <= 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	then = (double)now.tv_sec - since;	/* before 1970 there was nothing */
	return nla_put_u64(m, IPSEC_GAP_A_SINCE_TIME, then > 0 ? (uint64_t)(then * 1e9) + (uint64_t)now.tv_nsec : 0);
}

/* The answers go to a->to. */
static int ask(struct asking *a, int command, double since)
{
	struct nl_msg *m = nlmsg_alloc();
	int r = m ? put_request(a, m, command, since) : -NLE_NOMEM;

	if (!r)
		r = nl_send_auto(a->sock, m);
	nlmsg_free(m);
	if (r >= 0)
		r = nl_recvmsgs_default(a->sock);
	return r < 0 ? r : 0;
}

static json_t *ask_array(struct asking *a, int command, double since, int *error)
{
	a->to = json_array();
	if (!*error)
		*error = ask(a, command, since);
	return a->to;
}

static int show(struct asking *a)
{
	int error = 0;
	json_t *info = ask_array(a, IPSEC_GAP_CMD_INFO, 0, &error);
	json_t *paths = ask_array(a, IPSEC_GAP_CMD_PATH, 0, &error);
	json_t *spis = ask_array(a, IPSEC_GAP_CMD_SPI, 0, &error);
	json_t *events = a->asked->since > 0 ? ask_array(a, IPSEC_GAP_CMD_EVENT, a->asked->since, &error) : json_array();
	json_t *all = json_pack("{s:O*, s:o, s:o, s:o}", "info", json_array_get(info, 0), "paths", paths, "spis", spis, "events", events);

	bool known = !a->peer_length || json_array_size(paths) || json_array_size(spis) || json_array_size(events);

	if (!error && a->asked->json) {
		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (!error && known) {
		gaps_text_all(all);
	} else if (!error) {
		fprintf(stderr, "keydctl: nothing is known of %s: keydctl gaps has all that is\n", a->asked->peer);
	}
	json_decref(info);
	json_decref(all);
	if (error)
		return fail_errno(a->asked, error);
	return known ? KEYDCTL_DONE : KEYDCTL_FAILED;
}

static int listen_to(struct asking *a)
{
	int group, families, r;

	group = genl_ctrl_resolve_grp(a->sock, IPSEC_GAP_FAMILY, IPSEC_GAP_GROUP);
	families = genl_ctrl_resolve_grp(a->sock, "nlctrl", "notify");
	if (group < 0 || families < 0)
		return group < 0 ? group : families;
	a->events = nl_socket_alloc();
	if (!a->events)
		return -NLE_NOMEM;
	nl_socket_disable_seq_check(a->events);
	nl_socket_modify_cb(a->events, NL_CB_VALID, NL_CB_CUSTOM, on_event, a);
	r = genl_connect(a->events);
	r = r ? r : nl_socket_set_buffer_size(a->events, BUFFER, 0);
	r = r ? r : nl_socket_add_membership(a->events, families);
	return r ? r : nl_socket_add_membership(a->events, group);
}

/* What is between the dump and the first event comes by both ways, and is told once. What a full buffer lost is asked for again. */
static int watch(struct asking *a)
{
	double since = a->asked->since;
	int r = listen_to(a);

	nl_socket_modify_cb(a->sock, NL_CB_VALID, NL_CB_CUSTOM, on_event, a);
	if (!r && since > 0)
		r = ask(a, IPSEC_GAP_CMD_EVENT, since);
	while (!r && !a->gone) {
		r = nl_recvmsgs_default(a->events);
		if (r == -NLE_NOMEM) {
			fprintf(stderr, "keydctl: events came too fast; asking for what is kept of them\n");
			r = ask(a, IPSEC_GAP_CMD_EVENT, 0);
		} else if (r == -NLE_INTR) {
			r = 0;
		}
	}
	return a->gone ? fail(a->asked, "the gap meter was unloaded") : fail_errno(a->asked, r);
}

static int connect_to(struct asking *a)
{
	a->sock = nl_socket_alloc();
	if (!a->sock || genl_connect(a->sock) < 0)
		return fail(a->asked, "this kernel has no generic netlink");
	nl_socket_disable_auto_ack(a->sock);	/* an answer is one */
	nl_socket_modify_cb(a->sock, NL_CB_VALID, NL_CB_CUSTOM, on_object, a);
	a->family = genl_ctrl_resolve(a->sock, IPSEC_GAP_FAMILY);
	if (a->family < 0)
		return fail(a->asked, "the gap meter is not there: load it with modprobe ipsec_gap");
	return KEYDCTL_DONE;
}

static int parse_peer(struct asking *a)
{
	const char *text, *asked = a->asked->peer;
	char why[400];

	if (!asked)
		return KEYDCTL_DONE;
	text = gaps_address_of(asked, a->asked->names) ?: asked;
	a->peer_length = inet_pton(AF_INET, text, a->peer) == 1 ? 4 : inet_pton(AF_INET6, text, a->peer) == 1 ? 16 : 0;
	if (a->peer_length)
		return KEYDCTL_DONE;
	snprintf(why, sizeof(why), "\"%.100s\" is no address, %s: gaps are known by the other end's address, as in the "
		 "first column of keydctl gaps", asked, a->asked->names ? "nor a peer that keyd has an IKE SA with" :
		 "and no keyd answers here that would know whose name it is");
	return fail(a->asked, why);
}

int gaps_main(const struct gaps_asked *asked)
{
	struct asking a = { .asked = asked };
	int r = parse_peer(&a);

	r = r ? r : connect_to(&a);
	r = r ? r : asked->watch ? watch(&a) : show(&a);
	nl_socket_free(a.events);
	nl_socket_free(a.sock);
	return r;
}
