/** The agent's log: lines on standard error, and nothing else. */
@NullMarked
package org.jobwitness.agent.log;

import org.jspecify.annotations.NullMarked;
