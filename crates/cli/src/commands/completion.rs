//! `squall completion SHELL`: a script for a shell that completes commands, flags and files. What it knows are the tables
//! of this version; nothing is asked while somebody types.

use std::fmt::Write as _;

use super::{COMMANDS, Command};
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::table::GLOBAL;
use crate::flags::{Flag, Kind};
use crate::session::Session;

/// Prints the script.
pub(super) fn run(session: &Session) -> CommandResult {
    let program = session.name.word();
    let text = match session.flags.args.as_slice() {
        [shell] => match shell.as_str() {
            "bash" => bash(program),
            "zsh" => zsh(program),
            "fish" => fish(program),
            other => {
                return Err(Failure::usage(format!("no completion for the shell {other:?}"))
                    .hint("there are bash, zsh and fish"));
            }
        },
        words => {
            let text = format!("accepts 1 arg(s), received {}: the name of a shell", words.len());
            return Err(Failure::usage(text).hint("there are bash, zsh and fish"));
        }
    };
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}

/// The flags of a command that help shows.
fn flags(command: &Command) -> impl Iterator<Item = &'static Flag> {
    let tables = command.tables.iter().flat_map(|(_, tables)| tables.iter().copied());
    tables.flatten().filter(|flag| !flag.help.is_empty())
}

/// Words that a command takes besides flags; empty where it takes files.
fn words(command: &Command) -> &'static [&'static str] {
    match command.name {
        "completion" => &["bash", "zsh", "fish"],
        _ => &[],
    }
}

fn long(flag: &Flag) -> String {
    // What may stand alone needs its `=` to take a value, so nothing is added to it.
    if flag.bare.is_some() || flag.kind == Kind::Bool {
        format!("--{}", flag.long)
    } else {
        format!("--{}=", flag.long)
    }
}

/// For `complete -F`: words of our own where there are some, files of the shell's elsewhere.
fn bash(program: &str) -> String {
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let names = names.join(" ");
    let mut cases = String::new();
    for command in COMMANDS {
        let flags: Vec<String> = flags(command).map(long).collect();
        let (name, flags, words) = (command.name, flags.join(" "), words(command).join(" "));
        let _ = writeln!(cases, "        {name}) flags=\"{flags} --help\" words=\"{words}\" ;;");
    }
    let global: Vec<String> = GLOBAL.iter().map(long).collect();
    let global = global.join(" ");
    format!(
        "# bash completion for {program}: source <({program} completion bash)
_{program}() {{
    local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" commands=\"{names}\" command=\"\" flags=\"\" words=\"\" i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ \" $commands \" == *\" ${{COMP_WORDS[i]}} \"* ]]; then
            command=\"${{COMP_WORDS[i]}}\"
            break
        fi
    done
    case \"$command\" in
        \"\") flags=\"{global} --help --version\" words=\"$commands\" ;;
{cases}    esac
    if [[ \"$cur\" == -* ]]; then
        COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))
        [[ \"${{COMPREPLY[0]-}}\" == *= ]] && compopt -o nospace 2>/dev/null
    elif [[ -n \"$words\" ]]; then
        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))
    fi
    return 0
}}
complete -o default -F _{program} {program}
"
    )
}

/// For `compdef`: also what each command and flag is for.
fn zsh(program: &str) -> String {
    let mut commands = String::new();
    let mut cases = String::new();
    for command in COMMANDS {
        let about = command.about.trim_end_matches('.');
        let _ = writeln!(commands, "        {}", zsh_quoted(&format!("{}:{about}", command.name)));
        let _ = write!(cases, "        {}) _arguments", command.name);
        for flag in flags(command) {
            let help = flag.help.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
            let value = match (flag.kind, flag.bare) {
                (Kind::Bool, _) => String::new(),
                // `=-`: a value only behind the sign.
                (_, Some(_)) => format!(":{}:", flag.value.replace(':', "\\:")),
                _ => format!(":{}:_files", flag.value.replace(':', "\\:")),
            };
            let sign = match (flag.kind, flag.bare) {
                (Kind::Bool, _) => "",
                (_, Some(_)) => "=-",
                _ => "=",
            };
            let often = if matches!(flag.kind, Kind::Array | Kind::Csv) { "*" } else { "" };
            let spec = format!("{often}--{}{sign}[{help}]{value}", flag.long);
            let _ = write!(cases, " \\\n            {}", zsh_quoted(&spec));
            if let Some(letter) = flag.short {
                let sign = if sign == "=" { "+" } else { "" };
                let value = if sign.is_empty() { "" } else { &value };
                let spec = format!("{often}-{letter}{sign}[{help}]{value}");
                let _ = write!(cases, " \\\n            {}", zsh_quoted(&spec));
            }
        }
        let rest = match words(command) {
            [] => "*:file:_files".to_owned(),
            words => format!("1:word:({})", words.join(" ")),
        };
        let _ = writeln!(cases, " \\\n            {} ;;", zsh_quoted(&rest));
    }
    format!(
        "#compdef {program}
# zsh completion for {program}: source <({program} completion zsh), or as a file _{program} in a folder of $fpath
_{program}() {{
    local -a commands
    commands=(
{commands}    )
    local i command=\"\"
    for ((i = 2; i < CURRENT; i++)); do
        if (( ${{commands[(I)${{words[i]}}:*]}} )); then
            command=\"${{words[i]}}\"
            words=(\"${{words[1]}}\" \"${{(@)words[i+1,-1]}}\")
            (( CURRENT -= i - 1 ))
            break
        fi
    done
    case \"$command\" in
        \"\") _describe 'command' commands ;;
{cases}    esac
}}
if [[ \"${{funcstack[1]-}}\" == \"_{program}\" ]]; then
    _{program} \"$@\"
else
    compdef _{program} {program}
fi
"
    )
}

fn zsh_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// One `complete` for each command and each of its flags.
fn fish(program: &str) -> String {
    let mut text = format!(
        "# fish completion for {program}: {program} completion fish | source
complete -c {program} -n __fish_use_subcommand -f
complete -c {program} -n __fish_use_subcommand -l version -d 'show the version'
"
    );
    for command in COMMANDS {
        let about = fish_quoted(command.about.trim_end_matches('.'));
        let name = command.name;
        let _ =
            writeln!(text, "complete -c {program} -n __fish_use_subcommand -a {name} -d {about}");
        let seen = format!("'__fish_seen_subcommand_from {name}'");
        for flag in flags(command) {
            let short = flag.short.map_or_else(String::new, |letter| format!(" -s {letter}"));
            let takes = if flag.bare.is_none() && flag.kind != Kind::Bool { " -r" } else { "" };
            let (long, help) = (flag.long, fish_quoted(flag.help));
            let _ =
                writeln!(text, "complete -c {program} -n {seen}{short} -l {long}{takes} -d {help}");
        }
        if !words(command).is_empty() {
            let words = words(command).join(" ");
            let _ = writeln!(text, "complete -c {program} -n {seen} -f -a '{words}'");
        }
    }
    text
}

fn fish_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
