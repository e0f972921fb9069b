/**
 * The settings of the agent: their names, defaults and checked values.
 */
@NullMarked
package org.jobwitness.agent.config;

import org.jspecify.annotations.NullMarked;
