# Forks that report through pipes, and interpreter threads, each of which clones all of the program's data.
use strict;
use warnings;
use Config;

$| = 1;
my %shared_by_copy = map { $_ => "value " x ($_ % 20) } 1 .. 5_000;

# 20 children at a time, 5 times; each changes its copy and says what it has.
for my $round (1 .. 5) {
    my @readers;
    for my $child (1 .. 20) {
        pipe my $reader, my $writer or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            close $reader;
            delete $shared_by_copy{$_} for grep { $_ % $child == 0 } keys %shared_by_copy;
            my %own = map { $_ => [ 1 .. $_ % 10 ] } 1 .. 2_000;
            my $length = 0;
            $length += length for values %shared_by_copy;
            print $writer scalar(keys %shared_by_copy), " $length ", scalar(keys %own), "\n";
            close $writer;
            exit 0;
        }
        close $writer;
        push @readers, [ $pid, $reader ];
    }
    for (@readers) {
        my ($pid, $reader) = @$_;
        print "round $round: ", scalar <$reader>;
        waitpid $pid, 0;
        print "status $?\n" if $?;
    }
}

if (!$Config{useithreads}) {
    print "no threads in this perl\n";
    exit 0;
}
require threads;
require threads::shared;
require Thread::Queue;

# A queue feeds four workers; their results come back in any order, so they are sorted.
my $work = Thread::Queue->new;
my $done = Thread::Queue->new;
my @workers = map {
    threads->create(sub {
        while (defined(my $n = $work->dequeue)) {
            my %count;
            $count{ $_ % 97 } .= "$_," for 1 .. $n;
            $done->enqueue("$n: " . join " ", map { length $count{$_} } sort { $a <=> $b } keys %count);
        }
        return scalar keys %shared_by_copy;
    })
} 1 .. 4;
$work->enqueue($_ * 50) for 1 .. 60;
$work->end;
print "a worker sees ", $_->join, " keys\n" for @workers;
print "$_\n" for sort map { $done->dequeue_nb } 1 .. 60;

# Threads one after another: each is a whole interpreter that is built and torn down.
print "short thread ", threads->create(sub { my @list = map { "item $_" } 1 .. 500; "@list[ 3, 4 ]" })->join, "\n" for 1 .. 15;
print "end\n";
