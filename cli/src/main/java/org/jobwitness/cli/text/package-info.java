/**
 * Words on a terminal. Whatever is shown passes through {@link org.jobwitness.cli.text.Text}, which lets no control character
 * by, since names of jobs are made by users; widths, colours and units are looked after here, too. Knows nothing of jobs.
 */
@NullMarked
package org.jobwitness.cli.text;

import org.jspecify.annotations.NullMarked;
