/**
 * Checks an installation: the service, its nodes, and the files of this machine. Changes nothing. Every problem comes with
 * {@linkplain org.jobwitness.cli.doctor.CheckResult advice}.
 */
@NullMarked
package org.jobwitness.cli.doctor;

import org.jspecify.annotations.NullMarked;
