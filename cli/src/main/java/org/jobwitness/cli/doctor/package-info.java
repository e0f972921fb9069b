/**
 * What of an installation does not work: asks the service about itself and its nodes, and looks at the files of this machine,
 * as they are. Changes nothing. Every {@link org.jobwitness.cli.doctor.Finding} that is bad says what to type.
 */
@NullMarked
package org.jobwitness.cli.doctor;

import org.jspecify.annotations.NullMarked;
