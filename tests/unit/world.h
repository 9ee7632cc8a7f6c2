/* SPDX-License-Identifier: MIT */
/*
 * Hosts with engines in one process: a network that delays, loses, doubles and reorders, a kernel that holds SAs, and
 * packets that go both ways all the time. Everything happens in simulated time, from one seed.
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include "keyd/ike/engine.h"
#include "keyd/util/list.h"

#define WORLD_HOSTS 2
#define WORLD_SAS_MAX 512

/* What a host's engine has given away to survive it. */
struct world_record {
	struct world_record *next;
	uint64_t id;
	size_t n;			/* 0: forget what has this id */
	uint8_t bytes[];
};

struct world_sa {
	struct ipsec_sa sa;
	uint64_t order;			/* rises with each addition: the newest sends */
	bool used;			/* its first packet has been told */
	bool dying;			/* its soft limit is met, and that has been told */
};

struct world_host {
	struct world *w;
	struct engine *engine;
	struct conf conf;
	struct ipsec_addr addr;
	const char *psk;		/* NULL: no secret */
	bool down;			/* what is sent to it vanishes, ESP too */
	uint64_t kernel_delay;		/* until its kernel does what it is asked, microseconds */
	bool mute;			/* sends none of the traffic */
	bool old_kernel;		/* that does not tell of the first packet of an SA, as by PF_KEY */
	struct world_sa sas[WORLD_SAS_MAX];
	unsigned nsas;
	bool larval;			/* ACQUIRE was raised and not answered yet */
	uint32_t acquire_seq;
	struct ipsec_policy out;
	/* what keyd makes by itself, after world_road */
	bool road;			/* there are no policies but its own */
	struct kern_traffic own;	/* n 0: there are none */
	struct kern_virtual virtual[2];	/* of IPv4 and IPv6; addr AF_UNSPEC: none */
	struct engine_resolv resolv;
	struct ipsec_selector guard[8];
	unsigned sets, clears, guards, in_clear;
	struct world_record *records, *unkept;	/* those that count; and those given away since */
	unsigned outputs;		/* datagrams, requests and records that the engine has given away */
	unsigned kill_at;		/* it is killed before it gives away that one; 0: never */
	bool killed;			/* and that has come; it stays away until then, NULL meanwhile */
	uint64_t wake_at;
	bool deaf;			/* what it asked the kernel last is not carried out when it is killed */
	unsigned kills;
	bool unchecked;			/* its engine has been called since its records were looked at */
	/* counters */
	unsigned acquires, held, sent, received, lost_keying, lost_link, events[ENGINE_EVENT_TYPES];
	unsigned datagrams, soft_met, hard_met, gets, mappings, moves, keepalives, firsts;
	char last_text[256];		/* of the last event */
	char log[65536];		/* every line since world_log_clear */
};

/* What an outer header says. Ports 0: ESP without UDP. */
struct world_path {
	struct ipsec_addr src, dst;
	uint16_t sport, dport;
};

struct world {
	struct world_host host[WORLD_HOSTS];
	uint64_t now, rng;
	uint64_t delay, jitter;		/* of the link, microseconds; jitter is that of IKE, */
	uint64_t esp_jitter;		/* and this that of ESP */
	unsigned loss, dup;		/* per cent of datagrams */
	size_t mtu;			/* longer IKE messages vanish; 0: none do */
	bool traffic;			/* a packet each way each millisecond */
	unsigned weight, bytes;		/* how many packets each of those stands for, of how many bytes */
	struct list events;		/* of struct world_event, the next first */
	uint64_t order;			/* of the newest SA */
	uint64_t pause;			/* how long a killed daemon is away */
	bool strict;			/* after each step, every record must be as what it is of */
	/* What lies between, for IKE and ESP: may change addresses and ports; false: it goes no further. NULL: nothing. */
	bool (*route)(struct world *w, unsigned from, struct world_path *p);
	/* Called with each datagram on the wire; may change it there. NULL: nothing. */
	void (*tap)(struct world *w, unsigned from, uint8_t *bytes, size_t n);
	/* Called when a name is to be looked up. NULL: nobody answers. */
	void (*lookup)(struct world *w, unsigned host, const char *name);
	/* Called with each event, and with each line of the key log. NULL: nothing. */
	void (*event)(struct world *w, unsigned host, const struct engine_event *ev);
	/* Who signs and who judges what was signed, after auth_delay; NULL: nobody can. */
	void (*sign)(struct world *w, unsigned host, const struct auth_request *rq, struct auth_answer *an);
	void (*judge)(struct world *w, unsigned host, const struct trust_request *rq, struct trust_answer *an);
	uint64_t auth_delay;		/* of every proof that is made or judged */
	void (*keys)(struct world *w, unsigned host, enum engine_key_table table, const char *line, size_t n);
};

/* Two hosts with one policy for each other: transport, or tunnel between 10.0.N.0/24 networks. */
void world_init(struct world *w, uint64_t seed, bool tunnel);
void world_free(struct world *w);
/* After world_init: these settings (keyd.conf) in the place of the policies. */
void world_road(struct world *w, unsigned host, const char *conf);
/* Replaces a host's engine by a fresh one, as a restarted daemon; its kernel keeps its SAs, or forgets them. */
void world_restart(struct world *w, unsigned host, bool keep_sas);
/* The daemon is killed now, and begun again with the records that it has left after w->pause. */
void world_kill(struct world *w, unsigned host);
void world_configure(struct world *w, unsigned host);
/* Runs for that long. */
void world_run(struct world *w, uint64_t us);
/* Runs until cond is true, for at most that long; returns whether it came true. */
bool world_until(struct world *w, uint64_t us, bool (*cond)(struct world *w));
/* The first host has a packet; runs until both can send, and until it is quiet. False: a minute was not enough. */
bool world_up(struct world *w);
/* In tunnel mode: another policy, between 10.1.N.0/24, for which the engines hear nothing but that it is there. */
#define WORLD_OTHER_REQID 2
struct ipsec_policy world_other(struct world *w, unsigned host);
void world_load_other(struct world *w);
/* A packet that matches the policy: sent in an SA, held, or the cause of an ACQUIRE. */
void world_packet(struct world *w, unsigned host);
/* Raises ACQUIRE, whether there is an SA or not. */
void world_acquire(struct world *w, unsigned host);
void world_flush(struct world *w, unsigned host);
/* Puts a datagram in the way of host as if it came from the other one. */
void world_inject(struct world *w, unsigned host, const void *bytes, size_t n);
/* The same from anywhere. */
void world_inject_from(struct world *w, unsigned host, const struct world_path *p, const void *bytes, size_t n);

/* Of those that serve h->out. */
struct world_sa *world_newest(struct world_host *h, bool outbound);
unsigned world_count(struct world_host *h, bool outbound);
/* Both can send to each other now: the newest outbound SA of each is inbound at the other, with the same keys. */
bool world_joined(struct world *w);
void world_log_clear(struct world *w);

#endif
