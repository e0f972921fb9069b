/**
 * Why a run ended, whether it used what it asked for, and what to ask for next. {@link
 * org.jobwitness.server.verdict.EvidenceReader} alone asks the database and makes {@code Evidence}; what is made of that is a
 * pure function, {@code VerdictRules}, whose cases are in {@code src/test/resources/verdict}. Knows runs and their figures;
 * keeps nothing, and leaves it to others to show a verdict.
 */
@NullMarked
package org.jobwitness.server.verdict;

import org.jspecify.annotations.NullMarked;
