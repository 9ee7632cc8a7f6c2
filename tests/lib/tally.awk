# SPDX-License-Identifier: MIT
# Counts the test points of one program's output. Variables: rc (its exit code), tap (1: a plan is demanded).
# Prints: passed failed skipped, and in a fourth field and on what was wrong beside single points, if anything.

/^1\.\.[0-9]+/ {
	plan += substr($1, 4)
	plans++
	if (/^1\.\.0.*# *[Ss][Kk][Ii][Pp]/)
		all_skipped = 1
}
/^(not )?ok([ \t]|$)/ {
	points++
	if (/# *[Ss][Kk][Ii][Pp]/)
		skipped++
	else if (/^not ok/)
		failed++
	else
		passed++
}
/^Bail out!/ {
	bailed = 1
}

END {
	if (rc == 124 || rc == 137)
		wrong = "ended at its time limit"
	else if (all_skipped || (rc == 4 && !failed && !passed))
		skipped += points ? 0 : 1
	else if (!plans && !points && !tap && rc == 0)
		passed++
	else if (rc > 128)
		wrong = "died of signal " (rc - 128)
	else if (bailed)
		wrong = "gave up"
	else if (!plans && (points || tap))
		wrong = "ended without a plan, exit code " rc
	else if (plans && plan != points)
		wrong = "planned " plan " points but gave " points + 0
	else if (rc != 0 && !failed)
		wrong = "exit code " rc
	if (wrong)
		failed++
	print passed + 0, failed + 0, skipped + 0, wrong
}
