// SPDX-License-Identifier: MIT
// card-emu: a smart card in software, in a reader of pcscd's.
#include "tests/card/emu.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_DEFAULT "35963"
#define TELL_SECONDS 10

static struct emu emu = { .host = "127.0.0.1", .port = PORT_DEFAULT, .reader = -1, .listener = -1, .in = true };
static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

static void help(void)
{
	puts("card-emu: a smart card in software, in a reader of pcscd's (Debian: pcscd, vsmartcard-vpcd)\n"
	     "\n"
	     "usage: card-emu [OPTION...] openpgp|piv        is the card; reads commands from standard input\n"
	     "       card-emu --tell PATH COMMAND...         gives a command to the card whose control channel is at PATH\n"
	     "\n"
	     "  --reader HOST:PORT  where vpcd waits for a card (127.0.0.1:" PORT_DEFAULT ")\n"
	     "  --control PATH      take commands from a unix socket at PATH, not from standard input\n"
	     "  --state FILE        the card's contents stay there; without it, the card is new each time\n"
	     "  --no-extended       a card that does not take extended length\n"
	     "  --out               is not in the reader at first\n"
	     "  --trace FILE        write all commands and answers there, without the PINs (-: standard error)\n"
	     "  --seconds N         --tell: wait so long for the answer (10)\n"
	     "\n"
	     "A new card: OpenPGP user PIN 123456, admin PIN 12345678; PIV PIN 123456, PUK 12345678, administrator's key 0102…08\n"
	     "three times. No keys. Exit code of --tell: 0 ok, 1 an error, 2 no answer.\n"
	     "\n"
	     "Commands, each answered by a line \"ok …\" or \"error …\":");
	order_help(stdout);
}

static int usage(const char *why)
{
	fprintf(stderr, "card-emu: %s; card-emu --help tells more\n", why);
	return 2;
}

static int set_reader(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return -1;
	*colon = 0;
	emu.host = text;
	emu.port = colon + 1;
	return 0;
}

static int make_card(const char *kind)
{
	struct card *c = &emu.card;
	int loaded = 1;

	if (!strcmp(kind, card_openpgp.name))
		card_make(c, &card_openpgp);
	else if (!strcmp(kind, card_piv.name))
		card_make(c, &card_piv);
	else
		return -1;
	if (c->state)
		loaded = card_load(c);
	return loaded < 0 || (loaded && c->state && card_save(c)) ? -1 : 0;
}

/* One round: waits for the reader, for those who give commands, for what is due. */
static void turn(int wait_ms)
{
	struct pollfd fds[2 + EMU_CLIENTS] = { { emu.reader, POLLIN, 0 }, { emu.listener, POLLIN, 0 } };

	for (unsigned int i = 0; i < EMU_CLIENTS; i++)
		fds[2 + i] = (struct pollfd){ emu.clients[i].in, POLLIN, 0 };
	if (poll(fds, 2 + EMU_CLIENTS, wait_ms) <= 0)
		return;
	if (fds[0].revents)
		reader_read(&emu);
	if (fds[1].revents)
		control_accept(&emu);
	for (unsigned int i = 0; i < EMU_CLIENTS; i++)
		if (fds[2 + i].revents)
			control_read(&emu, &emu.clients[i]);
}

static void work(const char *control)
{
	const struct sigaction end = { .sa_handler = on_signal };

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	signal(SIGPIPE, SIG_IGN);
	while (!told_to_end && !emu.ends) {
		int wait_ms = reader_work(&emu);

		control_work(&emu);
		turn(wait_ms);
	}
	reader_leave(&emu);
	if (control)
		unlink(control);
	card_free(&emu.card);
}

struct wishes {
	const char *control, *trace, *tell;
	unsigned int seconds;
};

/* One option; what is wrong with it, or NULL. */
static const char *take(struct wishes *w, int c)
{
	switch (c) {
	case 'r':
		return set_reader(optarg) ? "--reader wants HOST:PORT" : NULL;
	case 'c':
		w->control = optarg;
		return NULL;
	case 's':
		emu.card.state = optarg;
		return NULL;
	case 'x':
		emu.card.extended = false;
		return NULL;
	case 'o':
		emu.in = false;
		return NULL;
	case 't':
		w->trace = optarg;
		return NULL;
	case 'T':
		w->tell = optarg;
		return NULL;
	case 'S':
		w->seconds = (unsigned int)strtoul(optarg, NULL, 10);
		return NULL;
	default:
		return "no such option";
	}
}

static int be_card(const struct wishes *w, const char *kind)
{
	umask(077);
	if (make_card(kind))
		return usage("no such card");
	if (w->trace)
		emu.trace = strcmp(w->trace, "-") ? fopen(w->trace, "w") : stderr;
	if (w->trace && !emu.trace) {
		perror(w->trace);
		return 1;
	}
	for (unsigned int i = 0; i < EMU_CLIENTS; i++)
		emu.clients[i].in = emu.clients[i].out = -1;
	if (w->control && control_listen(&emu, w->control))
		return 1;
	if (!w->control)
		emu.clients[0] = (struct client){ .in = STDIN_FILENO, .out = STDOUT_FILENO };
	work(w->control);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' }, { "reader", required_argument, NULL, 'r' },
		{ "control", required_argument, NULL, 'c' }, { "state", required_argument, NULL, 's' },
		{ "no-extended", no_argument, NULL, 'x' }, { "out", no_argument, NULL, 'o' },
		{ "trace", required_argument, NULL, 't' }, { "tell", required_argument, NULL, 'T' },
		{ "seconds", required_argument, NULL, 'S' }, { NULL, 0, NULL, 0 },
	};
	struct wishes w = { .seconds = TELL_SECONDS };
	const char *wrong = NULL;
	int c;

	emu.card.extended = true;
	while (!wrong && (c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return 0;
		}
		wrong = take(&w, c);
	}
	if (wrong)
		return usage(wrong);
	if (w.tell)
		return argv[optind] ? control_tell(w.tell, w.seconds, argv + optind) : usage("--tell what?");
	return argc == optind + 1 ? be_card(&w, argv[optind]) : usage("is it to be openpgp or piv?");
}
