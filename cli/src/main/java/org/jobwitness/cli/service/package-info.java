/**
 * Where the service is, how it is asked, and how its JSON is read. Nothing here waits for longer than it was told to, and
 * whatever goes wrong comes out as a {@link org.jobwitness.cli.service.Problem} that says what to do.
 */
@NullMarked
package org.jobwitness.cli.service;

import org.jspecify.annotations.NullMarked;
