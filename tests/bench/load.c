// SPDX-License-Identifier: MIT
// Many IKE initiators in one process, each at an address of its own, against one keyd: sets up tunnels and rekeys them.
/*
 * usage: load SERVER FIRST-ADDRESS TUNNELS WINDOW
 *
 * Each line on standard input begins a phase for every tunnel: "setup", "child" or "ike"; WINDOW of them are under way at a
 * time. When the last one is done it prints "PHASE TUNNELS CPU-MICROSECONDS WALL-MICROSECONDS RESENT". The kernel and the
 * keeper of keys answer at once; everything else is keyd's own engine and sockets.
 */
#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/crypto/keymat.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/version.h"
#include "keyd/roles/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20)
#define ANSWERS 4096			/* that wait for the engine; twice the window is enough */

static const char psk[] = "correct horse battery staple";
static const char settings[] =
	"default {\n"
	"	ike aes128gcm16-prfsha256-x25519\n"
	"	esp aes128gcm16-x25519\n"
	"	lifetime ike 24h, child 24h\n"
	"	dpd off\n"
	"}\n";

struct answer {
	bool auth;
	struct kern_answer kern;
	struct auth_answer proof;
};

static struct load {
	struct engine *engine;
	struct udp *udp;
	struct loop *loop;
	struct loop_timer *timer;
	struct ipsec_addr server;
	uint32_t first, tunnels, window;	/* first address, host order */
	char phase[16];			/* empty: none runs */
	uint32_t begun, done;
	uint64_t cpu_at, wall_at, resent_at;
	uint32_t *todo;			/* inbound SPIs of children, or positions in spis */
	uint8_t (*spis)[8];
	uint32_t ntodo;
	struct answer answers[ANSWERS];
	unsigned head, tail;
} load;

static void die(const char *why)
{
	fprintf(stderr, "load: %s\n", why);
	exit(1);
}

static uint64_t cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* --- what the engine asks for --- */

static struct answer *answer_new(void)
{
	if (load.tail - load.head == ANSWERS)
		die("the engine asks faster than it takes answers");
	return &load.answers[load.tail++ % ANSWERS];
}

static void hook_send(void *arg, const struct engine_datagram *d)
{
	(void)arg;
	udp_send(load.udp, d);
}

static void hook_kern(void *arg, const struct kern_request *rq)
{
	struct answer *a;

	(void)arg;
	if (!rq->id)
		return;
	a = answer_new();
	a->auth = false;
	a->kern = (struct kern_answer){ .id = rq->id };
}

static void hook_auth(void *arg, const struct auth_request *rq)
{
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, rq->prf, 0);
	struct answer *a = answer_new();

	(void)arg;
	a->auth = true;
	a->proof = (struct auth_answer){ .id = rq->id, .n = prf->prf };
	if (ikev2_auth_psk(prf, (struct view){ (const uint8_t *)psk, strlen(psk) }, rq->message, rq->nonce, rq->macid,
			   a->proof.data))
		die("a proof could not be made");
}

static void hook_event(void *arg, const struct engine_event *ev)
{
	(void)arg;
	if (ev->type == ENGINE_FAILED || ev->type == ENGINE_IKE_DOWN)
		die(ev->text);
	load.done += (ev->type == ENGINE_CHILD_UP && !strcmp(load.phase, "setup")) ||
		     (ev->type == ENGINE_CHILD_REKEYED && !strcmp(load.phase, "child")) ||
		     (ev->type == ENGINE_IKE_REKEYED && !strcmp(load.phase, "ike"));
}

static void hook_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	if (level <= LOG_LEVEL_WARNING || getenv("LOAD_TRACE"))
		fprintf(stderr, "load: %s\n", text);
}

static const struct engine_hooks hooks = { .send = hook_send, .kern = hook_kern, .auth = hook_auth,
					   .event = hook_event, .log = hook_log };

/* --- phases --- */

static void begin_setup(uint32_t i)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_ACQUIRE };
	uint32_t address = htonl(load.first + i);
	struct ipsec_policy *pol = &ev.acquire.policy;

	ipsec_addr_from_bytes(&ev.acquire.src, &address, sizeof(address));
	ev.acquire.dst = load.server;
	ev.acquire.proto = IPPROTO_ESP;
	ev.acquire.seq = i + 1;
	*pol = (struct ipsec_policy){ .dir = IPSEC_DIR_OUT, .index = i * 8 + 1, .ntmpl = 1 };
	pol->sel.src = ev.acquire.src;
	pol->sel.dst = load.server;
	pol->sel.src_len = pol->sel.dst_len = 32;
	pol->tmpl[0].proto = IPPROTO_ESP;
	pol->tmpl[0].mode = IPSEC_MODE_TRANSPORT;
	ev.acquire.sel = pol->sel;
	engine_kern_event(load.engine, loop_now(), &ev);
}

static void begin_child(uint32_t i)
{
	struct child_sa *c = child_find(load.engine, load.todo[i]);

	if (!c)
		die("a child is gone");
	child_rekey(c, "command");
}

static void begin_ike(uint32_t i)
{
	struct ike_sa *sa = ike_sa_find(load.engine, load.spis[i]);

	if (!sa)
		die("an IKE SA is gone");
	ikev2_version.rekey_ike(sa);
}

static void note_ike(void *arg, const struct engine_ike_info *info)
{
	(void)arg;
	if (load.ntodo < load.tunnels && !strcmp(info->state, "established"))
		memcpy(load.spis[load.ntodo++], info->spi_i, 8);
}

static void note_child(void *arg, const struct engine_child_info *info)
{
	(void)arg;
	if (load.ntodo < load.tunnels && !info->old)
		load.todo[load.ntodo++] = info->spi_in;
}

static void ignore_ike(void *arg, const struct engine_ike_info *info)
{
	(void)arg;
	(void)info;
}

static void ignore_child(void *arg, const struct engine_child_info *info)
{
	(void)arg;
	(void)info;
}

static const struct phase {
	const char *name;
	void (*begin)(uint32_t i);
	void (*ike)(void *arg, const struct engine_ike_info *);
	void (*child)(void *arg, const struct engine_child_info *);
} phases[] = {
	{ "setup", begin_setup, NULL, NULL },
	{ "child", begin_child, ignore_ike, note_child },
	{ "ike", begin_ike, note_ike, ignore_child },
};

static const struct phase *phase_now(void)
{
	for (unsigned i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (!strcmp(phases[i].name, load.phase))
			return &phases[i];
	return NULL;
}

static uint64_t resent(void)
{
	struct engine_stats stats;

	engine_stats(load.engine, &stats);
	return stats.retransmitted;
}

/* No request of ours is under way or waits: the last DELETE has been answered, too. */
static bool quiet(void)
{
	list_each(sa, &load.engine->sas, struct ike_sa, link)
		if (sa->active || sa->state != IKE_ESTABLISHED)
			return false;
	return true;
}

static void phase_end(void)
{
	printf("%s %u %llu %llu %llu\n", load.phase, load.tunnels, (unsigned long long)(cpu_us() - load.cpu_at),
	       (unsigned long long)(loop_now() - load.wall_at), (unsigned long long)(resent() - load.resent_at));
	fflush(stdout);
	load.phase[0] = '\0';
}

/* Answers, more to do, the clock: until the engine has nothing left to take. */
static void settle(void)
{
	const struct phase *p = phase_now();

	do {
		while (load.head != load.tail) {
			struct answer *a = &load.answers[load.head++ % ANSWERS];

			if (a->auth)
				engine_auth_answer(load.engine, loop_now(), &a->proof);
			else
				engine_kern_answer(load.engine, loop_now(), &a->kern);
		}
		if (p && load.begun < load.tunnels && load.begun - load.done < load.window)
			p->begin(load.begun++);
	} while (load.head != load.tail || (p && load.begun < load.tunnels && load.begun - load.done < load.window));
	loop_timer_set(load.timer, engine_deadline(load.engine));
	if (p && load.done >= load.tunnels && quiet())
		phase_end();
}

static void phase_begin(void)
{
	const struct phase *p = phase_now();

	if (!p)
		die("a phase is setup, child or ike");
	load.begun = load.done = load.ntodo = 0;
	if (p->ike)
		engine_walk(load.engine, loop_now(), p->ike, p->child, NULL);
	if (p->ike && load.ntodo != load.tunnels)
		die("not every tunnel is there");
	load.cpu_at = cpu_us();
	load.wall_at = loop_now();
	load.resent_at = resent();
	engine_tick(load.engine, loop_now());
	settle();
}

/* --- the outside --- */

static void on_datagram(void *arg, const struct engine_datagram *d)
{
	(void)arg;
	engine_input(load.engine, loop_now(), d);
	settle();
}

/* A port that is not there yet shows soon enough. */
static void on_unreachable(void *arg, const struct engine_unreachable *un)
{
	(void)arg;
	(void)un;
}

static void on_timer(void *arg)
{
	(void)arg;
	engine_tick(load.engine, loop_now());
	settle();
}

static void on_line(void *arg, unsigned int ready)
{
	ssize_t n = read(0, load.phase, sizeof(load.phase) - 1);

	(void)arg;
	(void)ready;
	if (n <= 0) {
		loop_stop(load.loop, 0);
		return;
	}
	load.phase[n] = '\0';
	load.phase[strcspn(load.phase, "\n")] = '\0';
	phase_begin();
}

static void open_socket(void)
{
	struct message_socket where = { .addr = { .family = AF_INET }, .port = 500 };
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(500) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1, room = RECEIVE_BUFFER;

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) || udp_add(load.udp, fd, &where))
		die("port 500 cannot be opened");
}

static void on_conf_error(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "load: %s\n", text);
}

int main(int argc, char **argv)
{
	struct conf_secrets secrets;
	struct ipsec_addr first;
	struct conf conf;

	if (argc != 5 || ipsec_addr_parse(&load.server, argv[1]) || ipsec_addr_parse(&first, argv[2])) {
		fprintf(stderr, "usage: load SERVER FIRST-ADDRESS TUNNELS WINDOW\n");
		return 2;
	}
	load.first = ntohl(first.v4.s_addr);
	load.tunnels = (uint32_t)strtoul(argv[3], NULL, 10);
	load.window = (uint32_t)strtoul(argv[4], NULL, 10);
	load.todo = calloc(load.tunnels, sizeof(*load.todo));
	load.spis = calloc(load.tunnels, sizeof(*load.spis));
	if (!load.todo || !load.spis || crypto_init() ||
	    conf_load_buffer(&conf, &secrets, "settings", settings, strlen(settings), on_conf_error, NULL))
		die("cannot begin");
	load.loop = loop_new();
	load.udp = udp_new(load.loop, on_datagram, on_unreachable, NULL);
	load.timer = loop_timer_new(load.loop, on_timer, NULL);
	load.engine = engine_new(&hooks, NULL, &conf);
	if (!load.loop || !load.udp || !load.timer || !load.engine || !loop_fd_new(load.loop, 0, LOOP_READ, on_line, NULL))
		die("out of memory");
	open_socket();
	return loop_run(load.loop);
}
