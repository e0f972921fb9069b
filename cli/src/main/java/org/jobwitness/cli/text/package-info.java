/**
 * Output on a terminal: text, tables, graphs, units. All of it passes through {@link org.jobwitness.cli.text.Text}, which removes
 * control characters, since users choose the names of jobs. Independent of jobs.
 */
@NullMarked
package org.jobwitness.cli.text;

import org.jspecify.annotations.NullMarked;
