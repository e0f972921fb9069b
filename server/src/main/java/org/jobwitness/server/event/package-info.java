/**
 * The endpoints for the events of prolog and epilog. They decode an event, convert it to {@code Evidence} and pass it to
 * {@code job}; what it changes in the run is not decided here.
 */
@NullMarked
package org.jobwitness.server.event;

import org.jspecify.annotations.NullMarked;
