# SPDX-License-Identifier: GPL-2.0
"""The command line of toytcp: subcommands and their options.

Each command imports its module only when it is called, because 'run' should
start programs quickly even in an emulated machine.
"""
import argparse
import os
import re
import sys

from common import Failure, columns

ENDPOINT = re.compile(r"(\d+\.\d+\.\d+\.\d+)?:(\d+)")


def some_endpoint(text: str) -> str:
    """ADDRESS:PORT or :PORT."""
    match = ENDPOINT.fullmatch(text)
    if not match or int(match[2]) > 65535:
        raise argparse.ArgumentTypeError(f"{text}: not ADDRESS:PORT, such as "
                                         "10.0.0.1:8000")
    return text


def endpoint(text: str) -> str:
    if text.startswith(":"):
        raise argparse.ArgumentTypeError(f"{text}: the address is missing")
    return some_endpoint(text)


def number_of_protocol(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 255:
        raise argparse.ArgumentTypeError(f"{text}: not a number from 1 to 255")
    return int(text)


def do_run(args: argparse.Namespace) -> int:
    if args.command[:1] == ["--"]:
        del args.command[0]
    if not args.command:
        args.parser.error("no program given")
    import run
    return run.run(args.command)


def do_connections(args: argparse.Namespace) -> int:
    import table
    return table.show(args.netns, args.all, args.watch)


def do_abort(args: argparse.Namespace) -> int:
    import table
    return table.abort(args.local, args.remote, args.netns)


def do_translate(args: argparse.Namespace) -> int:
    if len(args.netns) > 2:
        args.parser.error("too many namespaces: a cable has two ends")
    import translate
    return translate.translate(args.netns, args.device, args.protocol)


def drawing_style(args: argparse.Namespace):
    from drawing import Style
    return Style(args.relative, args.causes, args.show_window, columns())


def show(texts: list[str], args: argparse.Namespace) -> None:
    import ladder
    style = drawing_style(args)
    text = ladder.report(texts, style, args.only, args.segments)
    if args.only and not text:
        text = f"(no events of {args.only})"
    print(text or "(no events; turn them on with "
          "'sysctl net.toytcp.events=1' in the namespace, then connect)")


def do_ladder(args: argparse.Namespace) -> int:
    if args.follow and (args.files or args.segments):
        args.parser.error("--follow cannot be used with files or --segments")
    import ladder
    if args.follow:
        return ladder.follow(args.netns, drawing_style(args), args.only)
    show(ladder.read_sources(args.files, args.netns), args)
    return 0


def do_sim(args: argparse.Namespace) -> int:
    import sim
    if args.help:
        print(args.parser.format_help(), flush=True)
        return sim.run_many(["--help"])
    if args.version:
        print(sim.version())
        return 0
    if {"--runs", "--goodput", "--fates", "--slow"} & set(args.rest):
        return sim.run_many(args.rest)
    text, status = sim.simulate(args.rest)
    if text.strip() and args.cwnd:
        import growth
        print(growth.report(text, columns() or 80))
    elif text.strip():
        show([text], args)
    return status


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--relative", action="store_true",
                        help="show sequence numbers relative to each side's "
                        "first")
    parser.add_argument("--causes", action="store_true",
                        help="show the clause of RFC 9293 behind each step")
    parser.add_argument("--show-window", action="store_true",
                        help="show the window that each segment announces, "
                        "as on the wire (not shifted)")
    parser.add_argument("--segments", action="store_true",
                        help="list 'n from flags seq ack len' instead")
    parser.add_argument("--only", metavar="ENDPOINT", type=some_endpoint,
                        help="only connections of ADDRESS:PORT or :PORT")


def add_run(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "run", help="run an unmodified TCP program on toytcp",
        description="Runs PROGRAM with its IPv4 TCP sockets on toytcp. IPv6 "
        "sockets fail with EAFNOSUPPORT, so that it falls back to IPv4.",
        usage="toytcp run PROGRAM [ARGUMENT...]")
    parser.add_argument("command", nargs=argparse.REMAINDER,
                        metavar="PROGRAM ...")
    parser.set_defaults(do=do_run)
    return parser


def add_connections(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "connections", help="print the connection table",
        description="Prints /proc/net/toytcp/connections in aligned columns.")
    parser.add_argument("-a", "--all", action="store_true",
                        help="all columns, not only the first nine")
    parser.add_argument("-w", "--watch", action="store_true",
                        help="print it again every second")
    parser.add_argument("--netns", metavar="NAME",
                        help="use this network namespace (name, pid or path)")
    parser.set_defaults(do=do_connections)
    return parser


def add_abort(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "abort", help="reset a connection",
        description="Ends the connection between LOCAL and REMOTE (each "
        "ADDRESS:PORT, as 'toytcp connections' prints them); its peer gets a "
        "reset. Needs root.")
    parser.add_argument("local", type=endpoint, metavar="LOCAL")
    parser.add_argument("remote", type=endpoint, metavar="REMOTE")
    parser.add_argument("--netns", metavar="NAME",
                        help="use this network namespace (name, pid or path)")
    parser.set_defaults(do=do_abort)
    return parser


def add_ladder(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "ladder", help="draw what was sent and what arrived",
        description="Draws a ladder diagram of every connection in "
        "/proc/net/toytcp/events: of this namespace, of the namespaces named, "
        "or in saved copies (- is standard input). Given both ends, it pairs "
        "segments sent with segments that arrived and marks the rest as lost.")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--netns", metavar="NAME", action="append", default=[],
                        help="read a network namespace (may be repeated)")
    parser.add_argument("--follow", action="store_true",
                        help="keep drawing new events until interrupted")
    add_drawing_options(parser)
    parser.set_defaults(do=do_ladder)
    return parser


def add_sim(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "sim", help="draw a connection over a simulated network",
        add_help=False, allow_abbrev=False,
        description="Runs the simulator (building it if needed) and draws the "
        "ladder. With --runs N it draws nothing, but tests N runs over all "
        "kinds of networks; with --goodput it prints the speed of 20 MB over some. "
        "The options for drawing come first, then the simulator's.")
    parser.add_argument("-h", "--help", action="store_true",
                        help="show this and exit")
    parser.add_argument("--version", action="store_true",
                        help="print which protocol it runs: the checkout and "
                        "a digest of its sources")
    parser.add_argument("--cwnd", action="store_true",
                        help="draw the client's congestion window instead, "
                        "with a line for each round trip")
    add_drawing_options(parser)
    parser.set_defaults(do=do_sim)
    return parser


def add_translate(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "translate", help="connect toytcp to real TCP by a virtual cable",
        description="Connects this network namespace and NETNS, or two others, "
        "by a pair of TUN devices, and swaps the protocol numbers of toytcp "
        "and TCP in all packets, in both directions. It runs until ended, then "
        "removes the devices. Set addresses with 'ip'. Needs root.")
    parser.add_argument("netns", nargs="+", metavar="NETNS",
                        help="a network namespace (name, pid or path)")
    parser.add_argument("--device", metavar="NAME", default="translate",
                        help="the device's name at both ends")
    parser.add_argument("--protocol", type=number_of_protocol,
                        metavar="N", help="toytcp's number, by default the "
                        "loaded module's; 6: translate nothing")
    parser.set_defaults(do=do_translate)
    return parser


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="toytcp", description="Run programs over toytcp, the small TCP "
        "of protocol 253, and watch the segments they exchange.",
        epilog="'toytcp COMMAND --help' describes each command.")
    commands = parser.add_subparsers(dest="name", metavar="COMMAND",
                                     required=True)
    for add in (add_run, add_connections, add_abort, add_ladder, add_sim,
                add_translate):
        subparser = add(commands)
        subparser.set_defaults(parser=subparser)
    return parser


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Only sim accepts unknown options, for the simulator."""
    parser = make_parser()
    args, rest = parser.parse_known_args(arguments)
    if rest and args.name != "sim":
        args.parser.error("unrecognized arguments: " + " ".join(rest))
    args.rest = [option for option in rest if option != "--"]
    return args


def main(arguments: list[str]) -> int:
    args = parse_arguments(arguments)
    try:
        return args.do(args)
    except Failure as failure:
        print(f"toytcp: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone (as with "| head"): not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
