/**
 * The command {@code jobwitness}: asks the service and shows its answers in a terminal. A command reads what was typed, asks
 * through {@code service}, and shows through {@code text}; what an answer looks like is a pure function of it. What runs stay
 * like and why they ended is decided by the server, not here.
 */
@NullMarked
package org.jobwitness.cli;

import org.jspecify.annotations.NullMarked;
