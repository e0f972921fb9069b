/**
 * The doors for what others saw of a job: prolog and epilog now, batches and the scheduler later. An endpoint decodes
 * the event, makes {@code Evidence} of it and hands it to {@code job}; what that means for the run is not decided here.
 */
@NullMarked
package org.jobwitness.server.event;

import org.jspecify.annotations.NullMarked;
