// SPDX-License-Identifier: MIT
// The parent's life: start, reload, orderly end.
#include "keyd/roles/parent.h"

#include "keyd/roles/notify.h"
#include "keyd/roles/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define END_PATIENCE 3000000u		/* µs for the roles to end by themselves */

static void on_end_timer(void *arg)
{
	struct parent *p = arg;

	log_warning("some roles do not end and are killed");
	children_kill(p);
}

void parent_end(struct parent *p, int code)
{
	if (p->ending)
		return;
	p->ending = true;
	p->code = code;
	notify_send("STOPPING=1");
	children_end(p);
	if (!children_left(p))
		loop_stop(p->loop, code);
	else
		loop_timer_set(p->end_timer, loop_now() + END_PATIENCE);
}

void parent_child_ready(struct parent *p)
{
	char where[512];

	for (unsigned int i = ROLE_KERN; i < ROLES; i++)
		if (!p->children[i].ready)
			return;
	if (p->was_ready)
		return;
	p->was_ready = true;
	log_notice("ready: version=%s backend=%s peers=%u secrets=%zu listen=%s", GAPLESS_VERSION, p->backend,
		   p->conf.npeers, p->secrets.n, sockets_format(&p->sockets, where, sizeof(where)));
	notify_send("READY=1");
	background_done(KEYD_OK);
	if (p->options->background)
		log_open("keyd", LOG_TARGET_SYSLOG, p->options->level);
}

/* Mistakes in the configuration, as lines in the log; the first one is kept in arg. */
static void on_mistake(const char *text, void *arg)
{
	struct message_result *r = arg;

	if (strstr(text, "warning:"))
		log_warning("%s", text);
	else
		log_error("%s", text);
	if (!*r->text && !strstr(text, "warning:"))
		snprintf(r->text, sizeof(r->text), "%s", text);
}

static void take_over(struct parent *p, struct conf *c, struct conf_secrets *s, struct sockets *socks)
{
	unlock_keep(&p->secrets, s);
	conf_free(&p->conf);
	conf_secrets_free(&p->secrets);
	p->conf = *c;
	p->secrets = *s;
	p->sockets = *socks;
	p->conf_stamp = settings_stamp(c);
	settings_padding(p->options, &p->conf);
	allowed_except_own(&p->conf);
	if (hosts_configure(p))
		log_error("no memory for the names of peers, which are not looked up");
	handover_secrets(p);
	handover_trust(p);
	handover_allowed(p);
	handover_sockets(p);
	handover_conf(p);
	handover_cards(p);		/* after whom it tells of tokens */
	store_sockets(&p->sockets);
}

void parent_reload(struct parent *p, struct message_result *r)
{
	struct conf c;
	struct conf_secrets s;
	struct sockets socks;
	char keylog[CONF_PATH_MAX];

	notify_reloading();
	*r = (struct message_result){ 0 };
	r->error = settings_load(p->options, &p->sights.seen, &c, &s, on_mistake, r);
	if (!r->error) {
		r->error = sockets_open(&socks, &p->sockets, &c, r->text, sizeof(r->text));
		if (r->error) {
			log_error("%s", r->text);
			conf_free(&c);
			conf_secrets_free(&s);
		}
	}
	if (r->error) {
		log_error("reload: result=failed, the old configuration stays");
	} else {
		memcpy(keylog, p->conf.keylog, sizeof(keylog));
		take_over(p, &c, &s, &socks);
		if (!keylog_configure(p, keylog, r))
			snprintf(r->text, sizeof(r->text), "peers=%u secrets=%zu", p->conf.npeers, p->secrets.n);
		log_notice("reload: result=ok peers=%u secrets=%zu", p->conf.npeers, p->secrets.n);
	}
	notify_send("READY=1");
}

static void on_signal(void *arg, int signo)
{
	struct parent *p = arg;
	struct message_result r;

	if (signo == SIGCHLD) {
		children_reap(p);
	} else if (p->ending) {
		return;
	} else if (signo == SIGHUP) {
		parent_reload(p, &r);
	} else {
		log_notice("ending: signal=%d, the kernel's SAs stay", signo);
		parent_end(p, KEYD_OK);
	}
}

static int check_only(const struct parent *p)
{
	if (p->options->dump)
		conf_dump(&p->conf, stdout);
	else
		printf("%s: fine: peers=%u secrets=%zu\n", p->options->conf ? p->options->conf : p->options->psk,
		       p->conf.npeers, p->secrets.n);
	return KEYD_OK;
}

/* What can go wrong with a sentence: sockets, and the kernel's switch. */
static int open_all(struct parent *p)
{
	const struct group *gr = getgrnam(ROLE_USER);
	char why[300];

	store_inherit(&p->store);
	if (sockets_open(&p->sockets, &p->store.sockets, &p->conf, why, sizeof(why)) ||
	    (p->control_fd = control_open(p->options->run_dir, gr ? gr->gr_gid : 0, why, sizeof(why))) < 0) {
		log_error("%s", why);
		return KEYD_FAILED;
	}
	p->store.sockets.n = 0;		/* they are in p->sockets, or closed */
	store_open(&p->store, p->options->run_dir);
	trials_open(&p->trials, p->options->run_dir);
	store_sockets(&p->sockets);
	settings_kernel(p->options, &p->conf);
	settings_padding(p->options, &p->conf);
	allowed_except_own(&p->conf);
	memcpy(p->keylog, p->conf.keylog, sizeof(p->keylog));
	return KEYD_OK;
}

static int run(struct parent *p)
{
	static const int signos[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	int r;

	signal(SIGPIPE, SIG_IGN);
	p->loop = loop_new();
	p->end_timer = p->loop ? loop_timer_new(p->loop, on_end_timer, p) : NULL;
	for (unsigned int i = 0; p->end_timer && i < 4; i++) {
		p->signals[i] = loop_signal_new(p->loop, signos[i], on_signal, p);
		if (!p->signals[i])
			return KEYD_FAILED;
	}
	r = p->end_timer ? watchdog_start(p) : -ENOMEM;
	r = r ? r : cards_prepare(p);
	r = r ? r : hosts_configure(p);
	r = r ? r : children_start(p);
	if (r) {
		log_error("the roles cannot be started: error=\"%s\"", strerror(-r));
		parent_end(p, KEYD_FAILED);
	}
	return loop_run(p->loop);
}

static void parent_free(struct parent *p)
{
	children_free(p);
	for (unsigned int i = 0; i < 4; i++)
		loop_signal_free(p->signals[i]);
	loop_timer_free(p->end_timer);
	loop_timer_free(p->watchdog);
	loop_timer_free(p->complete);
	hosts_free(p);
	loop_free(p->loop);
	if (p->control_fd >= 0) {
		close(p->control_fd);
		control_unlink(p->options->run_dir);
	}
	sockets_close(&p->sockets);
	store_close(&p->store);
	conf_free(&p->conf);
	conf_secrets_free(&p->secrets);
	sights_free(&p->sights);
}

int parent_main(struct options *o)
{
	struct parent p = { .options = o, .control_fd = -1, .store = { .fd = -1 }, .cache = { .dir = o->cache_dir } };
	struct message_result mistake = { 0 };
	int code;

	/* Secrets pass through, and are kept for an auth role that must be started again. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_open("keyd", LOG_TARGET_STDERR, o->level);
	if (!o->check && !o->dump && geteuid() != 0) {
		log_error("keyd must be started by root: it binds IKE's port, reads secrets and changes the kernel's SAs");
		return KEYD_FAILED;
	}
	sights_open(&p.sights, o->cache_dir);
	if (settings_load(o, &p.sights.seen, &p.conf, &p.secrets, on_mistake, &mistake)) {
		sights_free(&p.sights);
		return KEYD_CONFIG;
	}
	p.conf_stamp = settings_stamp(&p.conf);
	if (o->check || o->dump) {
		code = check_only(&p);
		goto out;
	}
	if (o->background) {
		o->target = LOG_TARGET_SYSLOG;
		if (background_start())
			return KEYD_FAILED;
	}
	notify_open();
	code = open_all(&p);
	if (!code)
		code = run(&p);
	background_done(code);
out:
	parent_free(&p);
	return code;
}
