package org.jobwitness.cli;

import java.util.List;
import java.util.stream.Collectors;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.service.ClientSettings;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Response;
import org.jobwitness.cli.service.ServiceClient;
import org.jobwitness.cli.text.Page;
import org.jobwitness.wire.SignInCode;

/** {@code jobwitness open}. */
final class OpenCommand {
    private static final String SESSION = "jws_";

    static final Command COMMAND = new Command("open", List.of("[ID]"), ServiceOptions.and(RunOptions.ALL),
            List.of("Prints an address that shows your jobs, or one job, in a browser, and signs you in there.",
                    "The address is good once, within five minutes. Whoever opens it first is signed in as you."),
            OpenCommand::run);

    private OpenCommand() {
    }

    private static int run(CliContext context, Arguments arguments) throws Problem {
        ServiceClient client = ServiceOptions.client(context, arguments);
        Response response = client.post("/v1/sign-in-codes",
                "{" + user(context, client) + page(arguments, client) + "}");
        if (arguments.has(ServiceOptions.JSON)) {
            context.print(response.json());
            return 0;
        }
        SignInCode code = client.read(response, SignInCode.class);
        Page page = new Page(context.screen());
        page.line(code.expiresAt() == null
                ? "Open this in a browser:"
                : "Open this in a browser within five minutes; it signs you in, once:");
        page.toCopy(2, code.url() == null ? client.settings().url() + code.path() : code.url());
        context.print(page);
        return 0;
    }

    /** A token from a file may be the operator's, which is no person. */
    private static String user(CliContext context, ServiceClient client) {
        return client.settings().token().map(ClientSettings.Token::value).filter(token -> !token.startsWith(SESSION))
                .map(_ -> "\"user\":\"" + escaped(context.user()) + "\",").orElse("");
    }

    /** Of a job that is there. */
    private static String page(Arguments arguments, ServiceClient client) throws Problem {
        if (arguments.optionalOperand(0) == null) {
            return "\"page\":null";
        }
        client.get(RunOptions.path(arguments, ""), RunOptions.parameters(arguments));
        String query = RunOptions.parameters(arguments).stream().filter(parameter -> parameter.value() != null)
                .map(parameter -> parameter.name() + "=" + ServiceClient.encoded(parameter.value()))
                .collect(Collectors.joining("&"));
        return "\"page\":\"" + RunOptions.path(arguments, "").substring("/v1/".length())
                + (query.isEmpty() ? "" : "?" + query) + "\"";
    }

    private static String escaped(String text) {
        return text.codePoints().mapToObj(c -> c == '"' || c == '\\' || c < ' '
                ? "\\u" + Integer.toHexString(0x10000 | c).substring(1)
                : Character.toString(c)).collect(Collectors.joining());
    }
}
