// SPDX-License-Identifier: MIT
/* "setkey -c": statement by statement, as a person types or a program writes them and waits for the answer. */
#include <stdio.h>
#include <unistd.h>

#include "setkey/edit.h"
#include "setkey/jobs.h"
#include "setkey/lang/resolve.h"
#include "setkey/lang/script.h"

struct session {
	struct options *opt;
	struct script sc;
	struct edit *edit;		/* NULL: nobody sits there */
	unsigned int base;		/* lines before those that sc has read */
	bool failed;			/* an error was told */
};

static void session_error(void *arg, unsigned int line, const char *msg, const char *token)
{
	struct session *s = arg;

	if (s->edit && edit_interrupted(s->edit))
		return;
	s->failed = true;
	job_text_error(s->opt, s->base + line, msg, token);
	/* A person starts afresh; who writes without looking must be skipped up to the next ';'. */
	if (s->edit)
		edit_abandon(s->edit);
}

static void session_statement(void *arg, struct statement *st)
{
	struct session *s = arg;
	const char *token = NULL;
	char msg[120];

	if (s->opt->apply.stop)
		return;
	if (resolve_statement(&s->sc, st, msg, sizeof(msg), &token)) {
		s->failed = true;
		job_text_error(s->opt, s->base + st->line, msg, token);
		return;
	}
	st->line += s->base;
	if (!s->opt->parse_only)
		apply_statement(&s->opt->apply, st);
	fflush(stdout);
	if (s->opt->apply.stop)
		s->sc.ended = true;
}

static void read_statements(struct session *s, FILE *from)
{
	s->base = s->edit ? edit_lines(s->edit) : 0;
	s->sc = (struct script){ .on_error = session_error, .on_statement = session_statement, .arg = s };
	if (script_parse_stream(&s->sc, from) && !(s->edit && edit_interrupted(s->edit)))
		s->failed = true;
	script_clear(&s->sc);
}

int job_commands(struct options *opt)
{
	struct session s = { .opt = opt };

	opt->apply.file = "<stdin>";
	opt->apply.answers = true;
	if (!opt->parse_only && job_open(opt))
		return EXIT_WRONG;
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		s.edit = edit_open();
	if (s.edit) {
		do {
			read_statements(&s, edit_stream(s.edit));
		} while (!s.sc.ended && edit_again(s.edit));
		edit_close(s.edit);
	} else {
		read_statements(&s, stdin);
	}
	return s.failed ? EXIT_WRONG : job_outcome(&opt->apply);
}
