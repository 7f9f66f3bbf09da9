# Run by the image's build stage: the real server, with the real configuration but for its port, answers with each file
# as it is. What does not pass is not packaged. Arguments: the server's socket, the directory that it serves.
use strict;
use warnings;
use IO::Socket::UNIX;

my ($socket, $root) = @ARGV;

sub ask {
    my ($path) = @_;
    my $connection;
    for (1 .. 100) {
        $connection = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $socket) and last;
        select(undef, undef, undef, 0.1);
    }
    die "the server does not answer on $socket\n" unless $connection;
    print $connection "GET $path HTTP/1.0\r\nHost: test\r\n\r\n";
    my $answer = do { local $/; <$connection> };
    my ($head, $body) = split /\r\n\r\n/, $answer // "", 2;
    my ($status) = ($head // "") =~ m{^HTTP/1\.[01] (\d+)};
    return ($status // 0, $head // "", $body // "");
}

sub expect {
    my ($path, $wanted, $what) = @_;
    my ($status, $head, $body) = ask($path);
    die "GET $path answers $status instead of $wanted\n" unless $status == $wanted;
    die "GET $path answers with other content than $what\n" if defined $what && $body ne content($what);
    return $head;
}

sub content {
    my ($file) = @_;
    open my $handle, "<", $file or die "$file: $!\n";
    local $/;
    return scalar <$handle>;
}

my @files = glob "$root/*";
die "$root holds nothing to serve\n" unless @files;
for my $file (@files) {
    my $head = expect(substr($file, length $root), 200, $file);
    die "$file is not served as JSON\n" if $file =~ /\.json$/ && $head !~ m{^content-type: application/json}mi;
}
expect("/", 200, "$root/index.html");
expect("/there-is-none", 404);
die "auth.json does not say that it succeeded\n" unless content("$root/auth.json") =~ /"succeeded":\s*true/;
print scalar @files, " files are served as they are\n";
