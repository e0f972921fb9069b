/**
 * The client of the service: its settings, its HTTP requests, and the reader of its JSON. No request lasts longer than the timeout,
 * and every failure is a {@link org.jobwitness.cli.service.Problem} that says what to do.
 */
@NullMarked
package org.jobwitness.cli.service;

import org.jspecify.annotations.NullMarked;
