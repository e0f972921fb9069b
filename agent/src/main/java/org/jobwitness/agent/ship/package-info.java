/**
 * The way to the service: one thread and one connection, which send the events of prolog and epilog that their scripts
 * could not, and then what is in the spool. Waiting, trying again and giving up are decided here.
 */
@NullMarked
package org.jobwitness.agent.ship;

import org.jspecify.annotations.NullMarked;
