# Hashes of hashes with hundreds of thousands of entries, grown, looked up, deleted from, sorted and emptied again.
use strict;
use warnings;

my $checks = 0;
sub check {
    my ($what, $ok) = @_;
    $checks++;
    print $ok ? "ok" : "NOT ok", " $checks - $what\n";
}

# Flat: 300,000 keys, a third deleted, values overwritten by longer ones.
my %flat;
$flat{"key$_"} = $_ * 3 for 1 .. 300_000;
delete $flat{"key$_"} for grep { $_ % 3 == 0 } 1 .. 300_000;
$flat{"key$_"} .= "x" x ($_ % 50) for grep { $_ % 3 == 1 } 1 .. 300_000;
check("keys left", keys(%flat) == 200_000);
check("a changed value", $flat{key298} eq "894" . "x" x 48);
check("an unchanged value", $flat{key299} == 897);
print join(",", (sort keys %flat)[0 .. 40]), "\n";

# Deep: words by length by letter, with lists as values.
my %deep;
for my $i (1 .. 60_000) {
    my $word = join "", map { chr(97 + ($i * $_ * 31) % 26) } 1 .. 3 + $i % 9;
    push @{ $deep{ length $word }{ substr $word, 0, 1 }{$word} }, $i;
}
for my $length (sort { $a <=> $b } keys %deep) {
    my $words = 0;
    $words += keys %{ $deep{$length}{$_} } for keys %{ $deep{$length} };
    print "$length letters: $words words, first letters ", join("", sort keys %{ $deep{$length} }), "\n";
}

# Strings that grow to megabytes, in place and by copy; substr on both sides; join and split.
my $text = "";
$text .= "$_:" . ("-" x ($_ % 13)) . ";" for 1 .. 120_000;
print "text of ", length $text, ", checksum ", unpack("%32C*", $text), "\n";
substr($text, $_ * 100, 3) = "<" . ("=" x ($_ % 7)) . ">" for 1 .. 2000;
print "edited ", length $text, ", checksum ", unpack("%32C*", $text), "\n";
my @parts = split /;/, $text;
check("parts", @parts > 100_000);
my $found = () = $text =~ /<(=*)>\d*:(-+)/g;
print "matches: $found\n";
(my $replaced = $text) =~ s/(\d+):(-*)/"[" . length($2) . "]" . reverse $1/ge;
print "replaced ", length $replaced, ", checksum ", unpack("%32C*", $replaced), "\n";

# Sorting of records, closures that keep their variables, recursion, local.
my @records = map { { id => $_, rank => $_ * 7919 % 10007, name => "name" x ($_ % 5) } } 1 .. 40_000;
my @sorted = sort { $a->{rank} <=> $b->{rank} || $a->{id} <=> $b->{id} } @records;
print join(" ", map { $_->{id} } @sorted[ 0 .. 20 ]), "\n";
my @closures = map { my $n = $_; sub { $n += shift } } 1 .. 20_000;
my $sum = 0;
$sum += $closures[$_]->($_) for 0 .. $#closures;
print "closures: $sum\n";
sub tree { my $depth = shift; $depth ? { left => tree($depth - 1), right => tree($depth - 1), at => [ 1 .. $depth ] } : undef }
sub weigh { my $node = shift; $node ? @{ $node->{at} } + weigh($node->{left}) + weigh($node->{right}) : 0 }
print "tree: ", weigh(tree(14)), "\n";

# Formats, packing, in-memory files, sprintf of big numbers.
my $packed = join "", map { pack "N n a7 w", $_, $_ % 65536, "x$_", $_ } 1 .. 20_000;
print "packed ", length $packed, ", checksum ", unpack("%32C*", $packed), "\n";
open my $memory, ">", \my $file or die;
printf $memory "%08.3f|%-12s|%x\n", $_ / 7, "row $_", $_ * $_ for 1 .. 20_000;
close $memory;
print "file ", length $file, ", checksum ", unpack("%32C*", $file), "\n";

undef %flat;
undef %deep;
check("emptied", !%flat && !%deep);
