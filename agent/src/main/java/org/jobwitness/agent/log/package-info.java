/**
 * The log of the agent: lines on standard error.
 */
@NullMarked
package org.jobwitness.agent.log;

import org.jspecify.annotations.NullMarked;
