/**
 * Changes that people and scripts make through the API: create a job, add samples, change its state, delete it. They are
 * evidence like any other, but never overrule an end that is known. The audit trail records who made them.
 */
@NullMarked
package org.jobwitness.server.manual;

import org.jspecify.annotations.NullMarked;
