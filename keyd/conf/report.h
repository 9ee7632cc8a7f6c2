/* SPDX-License-Identifier: MIT */
/* How readers of configuration say what is wrong: whole lines for a person, as many as there are mistakes. */
#ifndef KEYD_CONF_REPORT_H
#define KEYD_CONF_REPORT_H

/*
 * Gets one line without newline: "FILE:LINE:COLUMN: sentence" (or FILE:LINE:, FILE:). A line with "warning:" after the
 * place does not make the load fail. Never contains a secret. text is valid during the call only.
 */
typedef void conf_error_fn(const char *text, void *arg);

#endif
