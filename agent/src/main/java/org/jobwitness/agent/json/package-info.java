/**
 * A strict JSON parser, for the answers of the service and of vendor tools.
 */
@NullMarked
package org.jobwitness.agent.json;

import org.jspecify.annotations.NullMarked;
