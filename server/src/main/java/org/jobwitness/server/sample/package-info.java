/**
 * What jobs used, moment by moment. {@code SampleStore} stores samples, their sums and their OOM kills, and reads samples
 * back; {@code SampleBuffer} keeps them as rows until their hour is over, then {@code Sealing} packs them. {@code RunUse}
 * reads the sums. Which runs there are, and how they ended, belongs to {@code job}.
 */
@NullMarked
package org.jobwitness.server.sample;

import org.jspecify.annotations.NullMarked;
