/** The clocks of the node, passed to everything that needs the time, so that tests can set it. */
@NullMarked
package org.jobwitness.agent.clock;

import org.jspecify.annotations.NullMarked;
