/**
 * What people and scripts say of jobs by hand: that one runs, what it uses, how it ended, and that it is to be forgotten.
 * It is weighed like any other evidence, but never against an end that is known. Who says it stands in the audit trail.
 */
@NullMarked
package org.jobwitness.server.manual;

import org.jspecify.annotations.NullMarked;
