/**
 * The command {@code jobwitness}: asks the service and shows its responses on a terminal. A {@code Command} reads its
 * {@code options}, asks through {@code service}, and prints through {@code text}; each page is a pure function of a response. Why
 * a run ended is decided by the server, not here.
 */
@NullMarked
package org.jobwitness.cli;

import org.jspecify.annotations.NullMarked;
