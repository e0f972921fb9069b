/**
 * The options and operands of a command line, by the conventions of getopt_long. {@link org.jobwitness.cli.options.Arguments}
 * reads them; what they mean is up to each command.
 */
@NullMarked
package org.jobwitness.cli.options;

import org.jspecify.annotations.NullMarked;
